import type { HostId, HostStanding, SwarmStanding } from "@darner/domain";
import type { SchedulerEffect, SchedulerEvent } from "@darner/scheduler-core";
import type { SimulatedBlob } from "./bodies/blob.ts";
import type { Conduct } from "./bodies/conduct.ts";
import type { PieceTransfer } from "./bodies/piece-transfer.ts";
import type { Dice } from "./engine/random.ts";
import type { Stopwatch } from "./engine/stopwatch.ts";
import type { Timeline } from "./engine/timeline.ts";
import type { Trace } from "./engine/trace.ts";
import type { Network } from "./network/network.ts";
import type { Station } from "./network/station.ts";
import type { PullRecords } from "./report/pull-records.ts";
import type { Takeovers } from "./report/takeovers.ts";
import type { Scenario } from "./scenario.ts";

/** A host as others see it. */
export interface HostInWorld {
  readonly id: HostId;
  readonly number: number;
  readonly station: Station;
  readonly isAlive: boolean;
  /** Whether it went without a word: connections to it hang instead of breaking. */
  readonly isSilent: boolean;
  readonly conduct: Conduct;
  /** What it holds, blob by blob, as it announces it. */
  holdings(): readonly Extract<SchedulerEvent, { type: "blob-announced" }>[];
  /** What a scheduler wants of it. */
  hear(scheduler: SchedulerInWorld, effect: SchedulerEffect): void;
  /** What a scheduler tells of all schedulers. */
  hearStanding(scheduler: SchedulerInWorld, standing: SwarmStanding): void;
  /** Its session with a scheduler ended. */
  missScheduler(scheduler: SchedulerInWorld): void;
  /** Serves pieces to a child, each when it is verified here, or refuses. */
  serve(transfer: PieceTransfer, child: HostInWorld): void;
  /** A child wants no more of a transfer. */
  stopServing(transfer: PieceTransfer): void;
}

/** The registry as hosts see it. */
export interface SourceInWorld {
  /** Begins to read the pieces of a transfer. */
  read(transfer: PieceTransfer, reader: HostInWorld): void;
}

/** A scheduler as hosts see it. */
export interface SchedulerInWorld {
  /** Where hosts dial it. */
  readonly address: string;
  readonly isLive: boolean;
  /** Whether the network carries what a host and it say to each other. */
  canReach(host: HostInWorld): boolean;
  /** A host says something; `host-joined` begins its session. */
  tell(host: HostInWorld, event: SchedulerEvent): void;
  /** A host says how the schedulers stand with it. */
  tellStanding(host: HostInWorld, word: HostStanding): void;
  /** The process of a host is gone; the scheduler notices `afterMs` later. */
  lose(host: HostInWorld, afterMs: number): void;
}

/** Everything in one simulation that its parts share. */
export type World = {
  readonly scenario: Scenario;
  /** Whether everything is looked at after every step. */
  readonly isCheckedAlways: boolean;
  readonly timeline: Timeline;
  readonly network: Network;
  readonly trace: Trace;
  readonly stopwatch: Stopwatch;
  readonly records: PullRecords;
  readonly takeovers: Takeovers;
  /** Events that schedulers were told, all together. */
  readonly heard: { count: number };
  readonly dice: (name: string) => Dice;
  readonly blobs: readonly SimulatedBlob[];
  readonly hosts: ReadonlyMap<HostId, HostInWorld>;
  readonly source: SourceInWorld;
  /** In the order in which all hosts name them; none in a swarm without a scheduler. */
  readonly schedulers: readonly SchedulerInWorld[];
};

/** Something that must never happen did. */
export class Violation extends Error {
  constructor(what: string) {
    super(`violated: ${what}`);
    this.name = "Violation";
  }
}
