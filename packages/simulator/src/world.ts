import type { HostId, TaskId } from "@darner/domain";
import type { TransferFailure } from "@darner/peer-core";
import type { SchedulerEffect, SchedulerEvent } from "@darner/scheduler-core";
import type { SimulatedBlob } from "./blob.ts";
import type { Network, Station } from "./network.ts";
import type { Dice } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import type { Timeline } from "./timeline.ts";
import type { Trace } from "./trace.ts";

/** What a child asks a parent for, and where the answers go. */
export type ServeRequest = {
  readonly blob: SimulatedBlob;
  readonly pieces: readonly number[];
  readonly to: Station;
  readonly landed: (piece: number, hash: Uint8Array) => void;
  readonly ended: (failure?: TransferFailure) => void;
};

/** One source read of a host, and where the answers go. */
export type SourceRead = {
  readonly blob: SimulatedBlob;
  readonly first: number;
  readonly count: number;
  readonly host: number;
  readonly to: Station;
  readonly landed: (piece: number, hash: Uint8Array) => void;
  readonly ended: (failure?: TransferFailure) => void;
};

/** A host as others see it. */
export type HostInWorld = {
  readonly isAlive: boolean;
  /** What the scheduler wants of it. */
  hear(effect: SchedulerEffect): void;
  /** Serves pieces, each when it is verified there; gives back how to end that, or undefined where it refuses. */
  serve(request: ServeRequest): (() => void) | undefined;
};

/** Everything in one simulation that its parts share. */
export type World = {
  readonly scenario: Scenario;
  readonly timeline: Timeline;
  readonly network: Network;
  readonly trace: Trace;
  readonly dice: (name: string) => Dice;
  readonly blobs: ReadonlyMap<TaskId, SimulatedBlob>;
  readonly hosts: ReadonlyMap<HostId, HostInWorld>;
  /** Begins a read from the registry; gives back how to end it. */
  readonly source: { read(read: SourceRead): () => void };
  readonly scheduler: { readonly isLive: boolean; tell(event: SchedulerEvent): void };
  /** Something that must never happen did. */
  readonly violation: (what: string) => void;
};
