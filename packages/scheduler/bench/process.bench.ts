import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LoadPlan, LoadResult } from "../test/grpc/load-client.ts";
import { verdictOf } from "./verdict.ts";

/**
 * A real scheduler process under scripted sessions over real gRPC: hosts pull blobs of 64 MiB and report every piece in a message of its
 * own, while one probe a client process asks for new small blobs; its time from report to grant is the grant latency. Beside it, in the
 * same run, fewer sessions, and a bare grpc-js server that answers every message with one.
 *
 *     npm run bench:scheduler -- [seconds] [client processes]
 *
 * Exits 1 where the latency is beyond its bound; a run on a busy machine is invalid, not failed (`verdict.ts`).
 *
 * BENCH_NODE_FLAGS goes to the servers, as in "--cpu-prof --cpu-prof-dir=/tmp/profiles".
 */
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const CLIENT = here("../test/grpc/load-client.ts");
const DIR = mkdtempSync(join(tmpdir(), "darner-bench-"));
const SCHEDULER = [
  here("../../cli/src/main.ts"),
  "scheduler",
  ...["--dataDir", DIR, "--listen.grpc", "127.0.0.1:0", "--listen.http", "127.0.0.1:0", "--join.insecure", "true"],
];
const ECHO = [here("../test/grpc/echo-server.ts")];
// Linux counts a process's time in hundredths of a second.
const TICKS_PER_SECOND = 100;

type Load = { readonly name: string; readonly server: readonly string[]; readonly sessions: number; readonly reportsPerSecond: number };
type Measured = LoadResult & {
  readonly cpuSeconds: number;
  readonly peakMib: number;
  readonly wallSeconds: number;
  readonly othersShare: number;
  /** How long the server's main thread would have run and got no processor: what of the latency is the machine's. */
  readonly waitedSeconds: number;
};

const [seconds = 20, clients = 2] = process.argv.slice(2).map(Number);

async function measure(load: Load): Promise<Measured> {
  const flags = process.env["BENCH_NODE_FLAGS"]?.split(" ") ?? [];
  const server = spawn(process.execPath, [...flags, "--conditions=source", ...load.server], { stdio: ["ignore", "inherit", "pipe"] });
  await using started = new AsyncDisposableStack();
  started.defer(() => void server.kill("SIGKILL"));
  const address = await addressOf(server);
  const children = Array.from({ length: clients }, (_, at) => {
    const sessions = load.sessions / clients;
    const plan: LoadPlan = { address, firstHost: at * sessions, sessions, reportsPerSecond: load.reportsPerSecond / clients, seconds };
    return fork(CLIENT, [JSON.stringify(plan)], { execArgv: ["--conditions=source"] });
  });
  started.defer(() => {
    for (const child of children) child.kill("SIGKILL");
  });
  // A server that ends by itself, or a client that cannot go on, ends the run instead of being waited for.
  const lost = new AbortController();
  server.once("exit", (code, signal) => {
    lost.abort(new Error(`the server ended by itself: ${signal ?? String(code)}`));
  });
  await Promise.all(children.map((child) => messageOf(child, lost.signal)));
  const [cpuBefore, waitedBefore, began, machineBefore] = [cpuOf(server), waitedOf(server), performance.now(), machineCpu()];
  const ownBefore = children.reduce((sum, child) => sum + cpuOf(child), 0);
  const results = children.map((child) => messageOf(child, lost.signal) as Promise<LoadResult>);
  for (const child of children) child.send("go");
  const done = await Promise.all(results);
  const cpuSeconds = cpuOf(server) - cpuBefore;
  const own = cpuSeconds + children.reduce((sum, child) => sum + cpuOf(child), 0) - ownBefore;
  const wallSeconds = (performance.now() - began) / 1000;
  const othersShare = (machineCpu() - machineBefore - own) / (wallSeconds * availableParallelism());
  const waitedSeconds = waitedOf(server) - waitedBefore;
  const measured = { cpuSeconds, peakMib: peakMibOf(server), wallSeconds, othersShare, waitedSeconds };
  for (const child of children) child.disconnect();
  server.removeAllListeners("exit");
  server.kill("SIGTERM");
  await once(server, "exit");
  const sum = (of: (result: LoadResult) => number): number => done.reduce((total, result) => total + of(result), 0);
  return {
    ...measured,
    reports: sum(({ reports }) => reports),
    received: sum(({ received }) => received),
    orders: sum(({ orders }) => orders),
    ended: sum(({ ended }) => ended),
    probeMs: done.flatMap(({ probeMs }) => probeMs).sort((left, right) => left - right),
  };
}

/** The next message of a client. */
async function messageOf(child: ChildProcess, lost: AbortSignal): Promise<unknown> {
  const over = new AbortController();
  const ended = async (): Promise<never> => {
    const [code] = (await once(child, "exit", { signal: over.signal })) as [number | null];
    throw new Error(`a client ended by itself: ${String(code)}`);
  };
  const said = async (): Promise<unknown> =>
    ((await once(child, "message", { signal: AbortSignal.any([over.signal, lost]) })) as [unknown])[0];
  try {
    return await Promise.race([said(), ended()]);
  } finally {
    over.abort();
  }
}

async function addressOf(server: ChildProcess): Promise<string> {
  if (server.stderr === null) throw new Error("the server has no standard error");
  const lines = createInterface({ input: server.stderr });
  return new Promise((resolve, reject) => {
    server.once("exit", () => {
      reject(new Error("the server did not start"));
    });
    lines.on("line", (line) => {
      const { message, grpc, level } = JSON.parse(line) as { message?: string; grpc?: string; level?: string };
      if (level === "error") console.error(line);
      if (message === "scheduler ready" && grpc !== undefined) resolve(grpc);
    });
  });
}

function cpuOf({ pid }: ChildProcess): number {
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, "utf8")
      .split(") ")[1]
      ?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Seconds that the main thread of a process has waited for a processor since it began, as the kernel counts them. */
function waitedOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${String(pid)}/task/${String(pid)}/schedstat`, "utf8").split(" ")[1]) / 1e9;
}

/** What all processes of the machine have used so far. */
function machineCpu(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (/^cpu .*$/m.exec(readFileSync("/proc/stat", "utf8"))?.[0] ?? "")
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

function peakMibOf({ pid }: ChildProcess): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1]) / 1024;
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

const FULL_LOAD = 10_000;
const LOADS: readonly Load[] = [
  { name: "scheduler, 100 sessions", server: SCHEDULER, sessions: 100, reportsPerSecond: 1000 },
  { name: "scheduler, 1000 sessions", server: SCHEDULER, sessions: 1000, reportsPerSecond: FULL_LOAD },
  { name: "bare grpc-js, 1000 sessions", server: ECHO, sessions: 1000, reportsPerSecond: FULL_LOAD },
];
const measured = new Map<string, Measured>();
for (const load of LOADS) {
  const result = await measure(load);
  measured.set(load.name, result);
  const { reports, received, orders, cpuSeconds, peakMib, wallSeconds, probeMs, ended, othersShare, waitedSeconds } = result;
  const cells = [
    `${(reports / wallSeconds).toFixed(0)} reports/s (asked ${String(load.reportsPerSecond)})`,
    `grant latency p50 ${quantile(probeMs, 0.5).toFixed(1)} ms, p99 ${quantile(probeMs, 0.99).toFixed(1)} ms (${String(probeMs.length)} grants)`,
    `${((cpuSeconds * 1e6) / reports).toFixed(1)} µs CPU a report (${((100 * cpuSeconds) / wallSeconds).toFixed(0)} % of a core)`,
    `${(received / reports).toFixed(2)} messages and ${(orders / reports).toFixed(2)} orders back a report`,
    `peak ${peakMib.toFixed(0)} MiB`,
    `the machine: others used ${(100 * othersShare).toFixed(0)} % of it, load ${(loadavg()[0] ?? 0).toFixed(1)} on ${String(availableParallelism())} cores; the server waited ${((100 * waitedSeconds) / wallSeconds).toFixed(0)} % of the time for a processor`,
    ...(ended > 0 ? [`${String(ended)} sessions ENDED`] : []),
  ];
  console.log(`${load.name}\n  ${cells.join("\n  ")}`);
}
const [few, many, bare] = LOADS.map(({ name }) => measured.get(name));
if (few !== undefined && many !== undefined && bare !== undefined) {
  const cpu = ({ cpuSeconds, reports }: Measured): number => cpuSeconds / reports;
  const ratios = [
    `CPU a report, 1000 sessions to 100: ${(cpu(many) / cpu(few)).toFixed(2)}`,
    `to bare grpc-js: ${(cpu(many) / cpu(bare)).toFixed(2)}`,
    `p99 to bare grpc-js: ${(quantile(many.probeMs, 0.99) / quantile(bare.probeMs, 0.99)).toFixed(2)}`,
  ];
  console.log(`ratios: ${ratios.join("; ")}`);
}
if (many !== undefined) {
  const { word, why } = verdictOf({
    p99Ms: quantile(many.probeMs, 0.99),
    askedPerSecond: FULL_LOAD,
    reportsPerSecond: many.reports / many.wallSeconds,
    cpuShare: many.cpuSeconds / many.wallSeconds,
    waitedShare: many.waitedSeconds / many.wallSeconds,
    othersShare: many.othersShare,
  });
  console.log(`${word}: ${why}`);
  if (word === "missed") process.exitCode = 1;
}
rmSync(DIR, { recursive: true });
