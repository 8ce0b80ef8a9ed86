import type { Cost } from "../engine/stopwatch.ts";
import type { PullRecord } from "./pull-records.ts";

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
  /** How long pulls took, each since it began; milliseconds. */
  readonly lastMs: number;
  readonly medianMs: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  /** The same against the bound, for pulls that began together. */
  readonly lastRatio: number;
  readonly medianRatio: number;
  readonly p90Ratio: number;
  readonly p99Ratio: number;
  readonly reader: ReaderReport;
  readonly source: SourceReport;
  readonly scheduler: SchedulerReport;
  /** The most any host sent to others, in copies of all blobs. */
  readonly mostUploadedCopies: number;
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
  /** Pieces asked of it, by cause. */
  readonly pieces: Readonly<Record<string, number>>;
};

/** What the scheduler heard and said. */
export type SchedulerReport = {
  /** Messages it got and sent; what is said in one turn of an event loop to one host is one message. */
  readonly messagesUp: number;
  readonly messagesDown: number;
  /** Pieces it granted, also those that came another way. */
  readonly granted: number;
  /** All messages, for each piece that it granted. */
  readonly messagesPerPiece: number;
  /** What the messages held, by type. */
  readonly said: Readonly<Record<string, number>>;
};

/** How the pulls of surviving hosts ended: the part of a report that is about time. */
export function timesOf(records: readonly PullRecord[], boundMs: number): Pick<Report, TimeKey> {
  const times = records
    .flatMap(({ beganAt, endedAt }) => (endedAt === undefined ? [] : [endedAt - beganAt]))
    .sort((left, right) => left - right);
  const [lastMs, medianMs, p90Ms, p99Ms] = [1, 0.5, 0.9, 0.99].map((share) => at(times, share)) as [number, number, number, number];
  return {
    completed: times.length,
    boundMs,
    lastMs,
    medianMs,
    p90Ms,
    p99Ms,
    lastRatio: lastMs / boundMs,
    medianRatio: medianMs / boundMs,
    p90Ratio: p90Ms / boundMs,
    p99Ratio: p99Ms / boundMs,
  };
}

type TimeKey = "completed" | "boundMs" | "lastMs" | "medianMs" | "p90Ms" | "p99Ms" | "lastRatio" | "medianRatio" | "p90Ratio" | "p99Ratio";

export function readersOf(records: readonly PullRecord[]): ReaderReport {
  const ascending = (values: number[]): number[] => values.sort((left, right) => left - right);
  const first = ascending(records.flatMap(({ firstPieceMs }) => (firstPieceMs === undefined ? [] : [firstPieceMs])));
  const lag = ascending(records.map(({ worstLagPieces, blob }) => worstLagPieces / blob.pieces));
  return {
    medianFirstPieceMs: at(first, 0.5),
    worstFirstPieceMs: at(first, 1),
    worstLag: at(lag, 1),
    medianLag: at(lag, 0.5),
    longestPauseMs: records.reduce((longest, { longestPauseMs }) => Math.max(longest, longestPauseMs), 0),
  };
}

/** The value below which `share` of all (ascending) values lie; 0 where there are none. */
function at(values: readonly number[], share: number): number {
  return values[Math.max(0, Math.ceil(values.length * share) - 1)] ?? 0;
}
