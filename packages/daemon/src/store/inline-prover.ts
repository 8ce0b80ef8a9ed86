import { silentLog } from "@darner/runtime";

import { LaneProver } from "./proof/lane-prover.ts";
import type { Prover } from "./prover.ts";

/** A prover that hashes everything on the main thread: the twin of `openProver` for tests and small tools. */
export function inlineProver(): Prover {
  return new LaneProver(silentLog, () => []);
}
