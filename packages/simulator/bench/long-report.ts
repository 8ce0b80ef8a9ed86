import { availableParallelism, loadavg } from "node:os";
import type { Played } from "./play.ts";

/** What is kept of a run: not how every single pull went. */
export type Row = Omit<Played, "records"> & { readonly wallSeconds: number };

/** What a report says of all runs together. */
export type Heading = { readonly commit: string; readonly seed: number; readonly bytes: number; readonly pictures: readonly string[] };

const COLUMNS: readonly (readonly [head: string, cell: (row: Row) => string])[] = [
  ["run", ({ scenario: { name, about } }) => `${name}: ${about}`],
  ["hosts", ({ report }) => report.hosts.toLocaleString("en-US")],
  ["bound, s", ({ report }) => (report.boundMs / 1000).toFixed(1)],
  ["last / bound", ({ report }) => report.lastRatio.toFixed(3)],
  ["median / bound", ({ report }) => report.medianRatio.toFixed(3)],
  ["slowest / its own unit", ({ report }) => report.worstUnits.toFixed(3)],
  ["source copies", ({ report }) => report.source.copies.toFixed(3)],
  ["messages a piece", ({ report }) => report.scheduler.messagesPerPiece.toFixed(3)],
  ["copies into a rack", ({ report }) => (report.worstRackCopies > 0 ? report.worstRackCopies.toFixed(2) : "–")],
  ["worst lag of a prefix", ({ report }) => `${(100 * report.reader.worstLag).toFixed(1)} %`],
  ["ended badly", ({ report }) => String(report.failures.length)],
  ["CPU-s", ({ report }) => report.cost.seconds.toFixed(0)],
  ["µs a piece delivered", (row) => microsecondsAPiece(row).toFixed(0)],
  ["wall s", ({ wallSeconds }) => wallSeconds.toFixed(0)],
  [
    "held to",
    ({ scenario: { expect } }) =>
      Object.entries(expect)
        .map(([what, most]) => `${what} ${String(most)}`)
        .join(", "),
  ],
  ["missed", ({ misses }) => misses.map(({ what, atMost }) => `${what} > ${String(atMost)}`).join("; ") || "–"],
  ["trace", ({ report }) => `\`${report.trace}\``],
];

/** CPU time of a run for each piece that a host got. */
function microsecondsAPiece({ report }: Row): number {
  return (1e6 * report.cost.seconds) / (report.pieces * Math.max(1, report.completed));
}

/** The report as a page. */
export function pageOf(rows: readonly Row[], { commit, seed, bytes, pictures }: Heading): string {
  const wall = rows.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0);
  const machine = `${String(availableParallelism())} cores, load ${(loadavg()[0] ?? 0).toFixed(1)} at the end, Node ${process.versions.node}`;
  return [
    "# The simulator at full size",
    "",
    `\`npm run bench:simulator:long\` at commit \`${commit}\`, seed ${String(seed)}: hosts with links of 100 Mbit/s, where nothing else is said, pull one cold blob of ${String(bytes / 2 ** 20)} MiB.`,
    `${(wall / 60).toFixed(1)} minutes in all (${machine}). The same seed and commit give the same traces; seconds are the machine's.`,
    "",
    "The bound is the least time there can be: the source sends each byte once, every host takes each byte once, all links together carry every copy, and each doubling of those who have the last piece takes one piece time more:",
    "",
    "    max( S / source,  S / down,  N · S / (source + N · up),  S / rack )  +  S / P · log2(N) / min(up, down)",
    "",
    "With equal links of rate B that is S / B · (1 + log2(N) / P). A unit is the time one host needs alone, straight from the registry.",
    "",
    ...pictures.map((name) => `![${name}: pieces over time, and when the pulls ended, against the bound](simulator-${name}.svg)\n`),
    `| ${COLUMNS.map(([head]) => head).join(" | ")} |`,
    `|${COLUMNS.map(() => " --- ").join("|")}|`,
    ...rows.map((row) => `| ${COLUMNS.map(([, cell]) => cell(row)).join(" | ")} |`),
    "",
  ].join("\n");
}
