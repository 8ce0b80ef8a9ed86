import type { HostId, TaskId } from "@darner/domain";
import type { SimulatedBlob } from "./blob.ts";
import type { Network } from "./network.ts";
import type { Scenario } from "./scenario.ts";
import type { SimulatedHost } from "./simulated-host.ts";
import type { SimulatedScheduler } from "./simulated-scheduler.ts";
import type { SimulatedSource } from "./simulated-source.ts";
import type { Dice } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import type { Trace } from "./trace.ts";

/** Everything in one simulation that its parts share. */
export type World = {
  readonly scenario: Scenario;
  readonly timeline: Timeline;
  readonly network: Network;
  readonly trace: Trace;
  readonly dice: (name: string) => Dice;
  readonly blobs: ReadonlyMap<TaskId, SimulatedBlob>;
  readonly hosts: Map<HostId, SimulatedHost>;
  readonly source: SimulatedSource;
  readonly scheduler: SimulatedScheduler;
  /** Something that must never happen did. */
  readonly violation: (what: string) => void;
};
