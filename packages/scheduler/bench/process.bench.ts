import { writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { checkedOutCommit } from "../../../scripts/check/checked-out-commit.ts";
import { latenciesOf, type Latencies } from "./latencies.ts";
import { runLoad, type Load, type Measured } from "./run-load.ts";
import { verdictOf, type Verdict } from "./verdict.ts";

/**
 * A real scheduler process under scripted sessions over real HTTP/2, a connection each: all hosts pull the same blobs of 64 MiB, in 256 pieces,
 * and report what they are granted. Grant latency is the time from the message that makes a grant possible until the grant has arrived:
 * from an opening to the grant for the same session, and from an announcement to the grant for another session, each 40 times a second.
 *
 *     npm run bench:scheduler -- [--only NAME] [--out docs/reports/scheduler.md]
 *
 * Exits 1 where a latency is beyond its bound; a run on a busy machine is invalid, not failed (`verdict.ts`).
 *
 * BENCH_NODE_FLAGS goes to the servers, as in "--cpu-prof --cpu-prof-dir=/tmp/profiles".
 */
const { values } = parseArgs({ options: { only: { type: "string" }, out: { type: "string" } } });

// Until then a process that has just begun compiles what it runs, and a thousand hosts have only just begun to pull.
const WARM_SECONDS = 12;
// Hosts that report 10 pieces a second have all 256 after 25.6 s, and begin the next blob.
const CHANGE_SECONDS = 24;
const FULL = { sessions: 1000, reportsPerSecond: 10_000, seconds: 36 } as const;

const LOADS: readonly Load[] = [
  { name: "as-daemons-report", server: "open", ...FULL, piecesAReport: 16 },
  { name: "as-daemons-report-tls", server: "members", ...FULL, piecesAReport: 16 },
  { name: "a-message-each", server: "open", ...FULL, piecesAReport: 1 },
  { name: "bare-grpc", server: "bare", ...FULL, seconds: CHANGE_SECONDS, piecesAReport: 1 },
];

type Row = { readonly measured: Measured; readonly pulling: Latencies; readonly changing: Latencies; readonly verdict: Verdict };

function rowOf(measured: Measured): Row {
  const { load, reports, wallSeconds, cpuSeconds, waitedSeconds, othersShare, ended } = measured;
  const pulling = latenciesOf(measured, WARM_SECONDS, CHANGE_SECONDS);
  const verdict = verdictOf({
    p99Ms: pulling.p99,
    askedPerSecond: load.reportsPerSecond,
    reportsPerSecond: reports / load.seconds,
    ended: ended.length,
    unanswered: measured.unanswered,
    cpuShare: cpuSeconds / wallSeconds,
    waitedShare: waitedSeconds / wallSeconds,
    othersShare,
  });
  return { measured, pulling, changing: latenciesOf(measured, CHANGE_SECONDS), verdict };
}

function say({ measured, pulling, changing, verdict }: Row): void {
  const { load, reports, messages, received, orders, cpuSeconds, peakMib, wallSeconds, ended, othersShare, waitedSeconds } = measured;
  const told = ({ count, p50, p99, worst }: Latencies): string =>
    `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, worst ${worst.toFixed(0)} ms (${String(count)} grants)`;
  const lines = [
    `${(reports / load.seconds).toFixed(0)} pieces/s in ${(messages / load.seconds).toFixed(0)} messages/s (asked ${String(load.reportsPerSecond)} pieces/s)`,
    `grant latency while all pull: ${told(pulling)}`,
    `while all end one blob and begin the next: ${told(changing)}`,
    `${((cpuSeconds * 1e6) / messages).toFixed(1)} µs CPU a message (${((100 * cpuSeconds) / wallSeconds).toFixed(0)} % of a core), ${((cpuSeconds * 1e6) / reports).toFixed(1)} a piece`,
    `${(received / messages).toFixed(2)} messages and ${(orders / messages).toFixed(2)} orders back a message; peak ${peakMib.toFixed(0)} MiB`,
    `others used ${(100 * othersShare).toFixed(0)} % of the machine; the server waited ${((100 * waitedSeconds) / wallSeconds).toFixed(0)} % of the time for a processor; ${measured.isPinned ? "each on a core of its own" : "not pinned"}`,
    `${String(ended.length)} sessions ended${ended.length > 0 ? `: ${[...new Set(ended)].join(", ")}` : ""}`,
    ...(load.server === "bare" ? [] : [`${verdict.word}: ${verdict.why}`]),
  ];
  console.log(`${load.name}\n  ${lines.join("\n  ")}`);
}

function table(rows: readonly Row[]): string {
  const of = (latencies: Latencies): string =>
    [latencies.p50, latencies.p99, latencies.worst].map((ms) => (Number.isNaN(ms) ? "–" : ms.toFixed(1))).join(" / ");
  const cells = rows.map(({ measured, pulling, changing, verdict }) =>
    [
      measured.load.name,
      (measured.reports / measured.load.seconds).toFixed(0),
      (measured.messages / measured.load.seconds).toFixed(0),
      of(pulling),
      of(changing),
      ((measured.cpuSeconds * 1e6) / measured.messages).toFixed(0),
      `${((100 * measured.cpuSeconds) / measured.wallSeconds).toFixed(0)} %`,
      measured.peakMib.toFixed(0),
      String(measured.ended.length),
      measured.load.server === "bare" ? "–" : `${verdict.word}: ${verdict.why}`,
    ].join(" | "),
  );
  const head =
    "run | pieces/s | messages/s | while all pull, ms: p50 / p99 / worst | while all change blobs | µs CPU a message | of a core | peak MiB | sessions ended | verdict";
  return [head, head.replace(/[^|]+/g, " --- "), ...cells].map((line) => `| ${line} |`).join("\n");
}

function report(rows: readonly Row[]): string {
  return `# A scheduler process under a thousand sessions

Written by \`npm run bench:scheduler -- --out docs/reports/scheduler.md\` at commit \`${checkedOutCommit()}\`; do not edit. ${String(availableParallelism())} × ${cpus()[0]?.model.trim() ?? "?"}, Node ${process.version}.
A real \`darner scheduler\` and one process with ${String(FULL.sessions)} scripted hosts, each over a TCP connection and a gRPC call of its own, the server's main
thread on one core and the hosts on the other. All hosts pull the same blobs of 64 MiB (256 pieces) one after the other, and together
report 10,000 pieces a second: up to 16 in a message, as daemons do, or a message each, which no daemon does.

Grant latency is the time from the message that makes a grant possible until the grant has arrived at the session that gets it, as
the hosts' process sees it: from an opening to the grant for the same session, and from an announcement to the grant for another session,
each 40 times a second. The first ${String(WARM_SECONDS)} s do not count: the process compiles what it runs. *While all pull* is up to second ${String(CHANGE_SECONDS)} and is what
the bound of 20 ms at p99 is held against; *while all change blobs* is the rest, in which all hosts prove one blob, close it and open
the next within about a second. \`-tls\` is a scheduler as it comes: TLS 1.3 and members only; the others let everybody in, plain. \`bare-grpc\` is a server
of grpc-js that answers each message with one.

${table(rows)}
`;
}

const rows: Row[] = [];
for (const load of LOADS.filter(({ name }) => values.only === undefined || name === values.only)) {
  const row = rowOf(await runLoad(load));
  rows.push(row);
  say(row);
  if (load.server !== "bare" && row.verdict.word === "missed") process.exitCode = 1;
}
if (values.out !== undefined) writeFileSync(values.out, report(rows));
