import type { Cost } from "../engine/stopwatch.ts";
import type { Takeover } from "./takeovers.ts";

/** What one simulation showed. Everything but `cost` is the same for the same scenario and seed. */
export type Report = {
  readonly scenario: string;
  readonly seed: number;
  /** Hash over every event and effect: the same seed gives the same one. */
  readonly trace: string;
  readonly hosts: number;
  readonly bytes: number;
  readonly pieces: number;
  /** Pulls that ended well, and those of surviving hosts that did not, by reason. */
  readonly completed: number;
  readonly failures: readonly { readonly host: number; readonly reason: string }[];
  /** The least time there can be, milliseconds (`lowerBoundMs`). */
  readonly boundMs: number;
  /** How long hosts took that somebody waits for, each since it began; milliseconds. */
  readonly lastMs: number;
  readonly medianMs: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  /** The same against the bound; for a host with a slower link against its own. */
  readonly lastRatio: number;
  readonly medianRatio: number;
  readonly p90Ratio: number;
  readonly p99Ratio: number;
  /** The slowest host against what it would need alone, straight from the registry. */
  readonly worstUnits: number;
  /** When the last of those ended that nobody waits for (preheats), since it began; 0 where there are none. */
  readonly lastPreheatMs: number;
  readonly reader: ReaderReport;
  readonly source: SourceReport;
  readonly scheduler: SchedulerReport;
  /** What became of each loss of a scheduler that hosts followed. */
  readonly takeovers: readonly Takeover[];
  /** The most any host sent to others, in copies of all blobs. */
  readonly mostUploadedCopies: number;
  /** How often a byte of the blobs crossed the link into a rack: the worst rack, and all of them; 0 without racks. */
  readonly worstRackCopies: number;
  readonly meanRackCopies: number;
  /** Bytes that nobody wanted any more when they arrived, in copies of all blobs. */
  readonly wastedCopies: number;
  /** Events of virtual time that the run had. */
  readonly steps: number;
  readonly cost: Cost;
};

/** How the readers fared. */
export type ReaderReport = {
  /** When the first piece could be read, since the pull began; milliseconds, median and worst. */
  readonly medianFirstPieceMs: number;
  readonly worstFirstPieceMs: number;
  /** The most that any host held and could not hand out, because a piece before it was missing; share of the blob. */
  readonly worstLag: number;
  readonly medianLag: number;
  /** The longest any reader waited for the next piece, milliseconds. */
  readonly longestPauseMs: number;
};

/** What the registry saw. */
export type SourceReport = {
  readonly bytes: number;
  /** Against the bytes of all blobs. */
  readonly copies: number;
  readonly requests: number;
  /** The most reads at once. */
  readonly mostConnections: number;
  /** Pieces asked of it, by cause. */
  readonly pieces: Readonly<Record<string, number>>;
};

/** What the schedulers heard and said. */
export type SchedulerReport = {
  /** Messages they got and sent; what is said in one turn of an event loop to one host is one message. */
  readonly messagesUp: number;
  readonly messagesDown: number;
  /** Pieces they granted, also those that came another way. */
  readonly granted: number;
  /** All messages, for each piece that they granted. */
  readonly messagesPerPiece: number;
  /** What the messages held, by type. */
  readonly said: Readonly<Record<string, number>>;
};

/** The value below which `share` of all (ascending) values lie; 0 where there are none. */
export function quantile(values: readonly number[], share: number): number {
  return values[Math.max(0, Math.ceil(values.length * share) - 1)] ?? 0;
}
