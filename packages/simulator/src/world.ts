import type { HostId } from "@darner/domain";
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
  /** What the scheduler wants of it. */
  hear(effect: SchedulerEffect): void;
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

/** The scheduler as hosts see it. */
export interface SchedulerInWorld {
  readonly isLive: boolean;
  /** A host says something; `host-joined` begins its session. */
  tell(host: HostInWorld, event: SchedulerEvent): void;
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
  readonly dice: (name: string) => Dice;
  readonly blobs: readonly SimulatedBlob[];
  readonly hosts: ReadonlyMap<HostId, HostInWorld>;
  readonly source: SourceInWorld;
  readonly scheduler: SchedulerInWorld;
};

/** Something that must never happen did. */
export class Violation extends Error {
  constructor(what: string) {
    super(`violated: ${what}`);
    this.name = "Violation";
  }
}
