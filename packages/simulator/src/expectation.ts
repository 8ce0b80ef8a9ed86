import type { Report } from "./report/report.ts";

/** What a run is held to; what is left out is not looked at. */
export type Expectation = {
  /** Pulls that may end badly; 0 where it is left out. */
  readonly failures?: number;
  /** The last pull against the bound. */
  readonly lastRatio?: number;
  /** The median pull against the bound. */
  readonly medianRatio?: number;
  /** The slowest pull against what its host would need alone, straight from the registry. */
  readonly worstUnits?: number;
  /** How often a byte of the blobs crossed the link into the rack that it crossed most. */
  readonly rackCopies?: number;
  /** Bytes out of the registry against the bytes of all blobs. */
  readonly sourceCopies?: number;
  /** Messages to and from the scheduler for each piece that it granted. */
  readonly messagesPerPiece?: number;
  /** After the loss of a scheduler: until the next one knew what the swarm held. */
  readonly takeoverMs?: number;
};

/** One figure that is worse than it may be. */
export type Miss = { readonly what: string; readonly is: number; readonly atMost: number };

/** What a report shows worse than expected. */
export function missesOf(expect: Expectation, report: Report): Miss[] {
  const looks: readonly (readonly [what: string, is: number, atMost: number | undefined])[] = [
    ["pulls that did not end well", report.failures.length, expect.failures ?? 0],
    ["last pull, in bounds", report.lastRatio, expect.lastRatio],
    ["median pull, in bounds", report.medianRatio, expect.medianRatio],
    ["slowest pull, in units", report.worstUnits, expect.worstUnits],
    ["bytes into a rack, in copies", report.worstRackCopies, expect.rackCopies],
    ["source bytes, in copies", report.source.copies, expect.sourceCopies],
    ["messages a piece granted", report.scheduler.messagesPerPiece, expect.messagesPerPiece],
    [
      "until the next scheduler knew, in ms",
      report.takeovers.reduce((most, { knewAfterMs }) => Math.max(most, knewAfterMs), 0),
      expect.takeoverMs,
    ],
  ];
  return looks.flatMap(([what, is, atMost]) => (atMost === undefined || is <= atMost ? [] : [{ what, is, atMost }]));
}
