import type { Scenario } from "../scenario.ts";
import { coldPull } from "./cold-pull.ts";
import { CROWDS } from "./crowds.ts";
import { LIES } from "./lies.ts";
import { LINKS } from "./links.ts";
import { LOSSES } from "./losses.ts";
import { REGISTRIES } from "./registries.ts";
import { SCHEDULERS } from "./schedulers.ts";

/** Every scenario that has a name, the usual one first. */
export const SCENARIOS: readonly Scenario[] = [coldPull(8), ...LINKS, ...CROWDS, ...LOSSES, ...SCHEDULERS, ...LIES, ...REGISTRIES];
