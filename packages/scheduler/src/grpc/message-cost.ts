import { WireError, type HostMessage, type HostReport } from "@darner/protocol";

/**
 * What one daemon may say, in entries (a holding, a report, a dropped blob) and pieces named in reports. A host on a 10 Gbit/s link reports
 * 5000 pieces a second at the most; one that joins with a store of 100,000 blobs says all of it at once.
 */
export const MESSAGE_COST: { readonly bytesPerSecond: number; readonly burstBytes: number } = {
  bytesPerSecond: 20_000,
  burstBytes: 500_000,
};

// A daemon cuts its lists into messages of 4 MiB, that is some 16,000 entries; a message is handled in one go, and nobody else is heard meanwhile.
const MAX_ENTRIES = 32_768;
// Four whole blobs of the largest that is scheduled.
const MAX_PIECES_NAMED = 262_144;
// Bits of a bitmap are read eight at a time, and a hundred times faster than a run is booked.
const BITS_PER_UNIT = 1024;
// A fact goes on to every other host: a hundred a second are more repositories than a host can ask registries about.
const FACT_COST = 200;

/** What a message costs of a daemon's allowance. Throws `WireError` where it is more than a message may be. */
export function messageCost({ holdings, reports, dropped, publicFacts = [], warmed = [] }: HostMessage): number {
  const entries = holdings.length + reports.length + dropped.length + publicFacts.length + warmed.length;
  if (entries > MAX_ENTRIES)
    throw new WireError("holdings, reports, dropped, public_facts and warmed", `together at most ${String(MAX_ENTRIES)} entries`);
  let named = 0;
  let bits = 0;
  for (const { report } of reports) {
    named += piecesNamed(report);
    if (report.type === "open") bits += report.have.size;
  }
  if (named > MAX_PIECES_NAMED) throw new WireError("reports", `a list that names at most ${String(MAX_PIECES_NAMED)} pieces`);
  for (const { have } of holdings) bits += have.size;
  return 1 + entries + named + publicFacts.length * FACT_COST + Math.floor(bits / BITS_PER_UNIT);
}

function piecesNamed(report: HostReport): number {
  switch (report.type) {
    case "verified":
      return report.pieces.reduce((sum, { count }) => sum + count, report.hashes.length);
    case "table":
      return report.hashes.length;
    case "need":
      return report.run.count;
    case "open":
      return (report.reading ?? []).reduce((sum, { count }) => sum + count, 0);
    case "close":
    case "grant-failed":
    case "proven":
    case "proof-failed":
      return 0;
  }
}
