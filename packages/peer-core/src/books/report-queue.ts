import type { PieceHash } from "@darner/domain";
import type { Millis } from "../limits.ts";

/** Verified pieces that the scheduler has not heard of; at most one entry a piece. */
export type ReportQueue = {
  pieces: number[];
  /** Lines for the table among them: pieces read from the source by this host. */
  lines: PieceHash[];
  /** When the first of them was queued. */
  since: Millis;
  /** Whether this session heard of any piece yet. */
  begun: boolean;
};

/** Nothing to report. */
export function emptyReports(): ReportQueue {
  return { pieces: [], lines: [], since: 0, begun: false };
}
