import type { Scenario } from "../scenario.ts";
import { coldPull } from "./cold-pull.ts";
import { TROUBLE } from "./trouble.ts";

/** Every scenario that has a name. */
export const SCENARIOS: readonly Scenario[] = [{ ...coldPull(8), name: "cold-pull" }, ...TROUBLE];
