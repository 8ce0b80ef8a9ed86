import type { SimulatedHost } from "../bodies/host.ts";
import { KILLED } from "../bodies/host.ts";
import type { SimulatedScheduler } from "../bodies/scheduler.ts";
import type { SimulatedSource } from "../bodies/source.ts";
import type { Rack } from "../network/station.ts";
import type { Scenario } from "../scenario.ts";
import type { World } from "../world.ts";
import { imageBytes, lowerBoundMs } from "./lower-bound.ts";
import type { PullRecord } from "./pull-records.ts";
import { quantile, type ReaderReport, type Report, type SchedulerReport, type SourceReport } from "./report.ts";

/** What a run leaves behind. */
export type Remains = {
  readonly world: World;
  readonly seed: number;
  readonly steps: number;
  readonly hosts: readonly SimulatedHost[];
  readonly racks: readonly Rack[];
  readonly schedulers: readonly SimulatedScheduler[];
  readonly source: SimulatedSource;
};

/** The report of a run that is over. */
export function buildReport({ world, seed, steps, hosts, racks, schedulers, source }: Remains): Report {
  const { scenario, trace, blobs, stopwatch, network } = world;
  const records = world.records.all.filter(({ host, failure }) => hosts[host]?.isAlive === true && failure !== KILLED);
  const bytes = blobs.reduce((sum, { task }) => sum + task.size, 0);
  const crossed = racks.map((rack) => rack.in.bytes / bytes);
  return {
    scenario: scenario.name,
    seed,
    trace: trace.digest(),
    hosts: scenario.hosts,
    bytes,
    pieces: blobs.reduce((sum, blob) => sum + blob.pieces, 0),
    ...endingsOf(records),
    ...timesOf(scenario, hosts, records),
    reader: readersOf(records.filter(({ isRead }) => isRead)),
    source: sourceReport(source, hosts, bytes),
    scheduler: schedulerReport(schedulers),
    takeovers: world.takeovers.all,
    mostUploadedCopies: hosts.reduce((most, { station }) => Math.max(most, station.up.bytes), 0) / bytes,
    worstRackCopies: Math.max(0, ...crossed),
    meanRackCopies: crossed.reduce((sum, copies) => sum + copies, 0) / Math.max(1, crossed.length),
    wastedCopies: network.wastedBytes / bytes,
    steps,
    cost: stopwatch.cost(),
  };
}

function endingsOf(records: readonly PullRecord[]): Pick<Report, "completed" | "failures"> {
  return {
    completed: records.filter(({ endedAt }) => endedAt !== undefined).length,
    failures: records.flatMap(({ host, endedAt, failure }) => (endedAt === undefined ? [{ host, reason: failure ?? "never ended" }] : [])),
  };
}

type Times = Pick<Report, "boundMs" | `${"last" | "median" | "p90" | "p99"}${"Ms" | "Ratio"}` | "worstUnits" | "lastPreheatMs">;

function timesOf(scenario: Scenario, hosts: readonly SimulatedHost[], records: readonly PullRecord[]): Times {
  const boundMs = lowerBoundMs(scenario);
  const times: number[] = [];
  const ratios: number[] = [];
  let worstUnits = 0;
  for (const [number, ms] of hostTimes(records.filter(({ isRead }) => isRead))) {
    const downMs = imageBytes(scenario, number) / (hosts[number]?.station.down.bytesPerMs ?? Infinity);
    times.push(ms);
    ratios.push(ms / Math.max(boundMs, downMs));
    worstUnits = Math.max(worstUnits, ms / Math.max(downMs, (1000 * imageBytes(scenario, number)) / scenario.source.bytesPerSecond));
  }
  const ascending = (left: number, right: number): number => left - right;
  times.sort(ascending);
  ratios.sort(ascending);
  return {
    boundMs,
    lastMs: quantile(times, 1),
    medianMs: quantile(times, 0.5),
    p90Ms: quantile(times, 0.9),
    p99Ms: quantile(times, 0.99),
    lastRatio: quantile(ratios, 1),
    medianRatio: quantile(ratios, 0.5),
    p90Ratio: quantile(ratios, 0.9),
    p99Ratio: quantile(ratios, 0.99),
    worstUnits,
    lastPreheatMs: Math.max(0, ...hostTimes(records.filter(({ isRead }) => !isRead)).values()),
  };
}

/** How long each host took for all it pulled, by number; without those that had not everything in the end. */
function hostTimes(records: readonly PullRecord[]): Map<number, number> {
  const times = new Map<number, number>();
  const began = new Map<number, number>();
  for (const { host, beganAt } of records) began.set(host, Math.min(beganAt, began.get(host) ?? Infinity));
  for (const { host, endedAt = NaN } of records) {
    const ms = endedAt - (began.get(host) ?? 0);
    times.set(host, Math.max(ms, times.get(host) ?? 0));
  }
  for (const [host, ms] of times) if (Number.isNaN(ms)) times.delete(host);
  return times;
}

function readersOf(records: readonly PullRecord[]): ReaderReport {
  const ascending = (values: number[]): number[] => values.sort((left, right) => left - right);
  const first = ascending(records.flatMap(({ firstPieceMs }) => (firstPieceMs === undefined ? [] : [firstPieceMs])));
  const lag = ascending(records.map(({ worstLagPieces, blob }) => worstLagPieces / blob.pieces));
  return {
    medianFirstPieceMs: quantile(first, 0.5),
    worstFirstPieceMs: quantile(first, 1),
    worstLag: quantile(lag, 1),
    medianLag: quantile(lag, 0.5),
    longestPauseMs: records.reduce((longest, { longestPauseMs }) => Math.max(longest, longestPauseMs), 0),
  };
}

function sourceReport(
  { bytesSent, requests, mostConnections }: SimulatedSource,
  hosts: readonly SimulatedHost[],
  bytes: number,
): SourceReport {
  const pieces: Record<string, number> = {};
  for (const { sourcePieces } of hosts) for (const [cause, count] of sourcePieces) pieces[cause] = (pieces[cause] ?? 0) + count;
  return { bytes: bytesSent, copies: bytesSent / bytes, requests, mostConnections, pieces };
}

function schedulerReport(schedulers: readonly SimulatedScheduler[]): SchedulerReport {
  const sum = (of: (scheduler: SimulatedScheduler) => number): number => schedulers.reduce((total, each) => total + of(each), 0);
  const [messagesUp, messagesDown] = [sum((each) => each.messagesUp), sum((each) => each.messagesDown)];
  const granted = sum((each) => each.granted);
  const said = new Map<string, number>();
  for (const scheduler of schedulers) for (const [type, times] of scheduler.said) said.set(type, (said.get(type) ?? 0) + times);
  return {
    messagesUp,
    messagesDown,
    granted,
    messagesPerPiece: (messagesUp + messagesDown) / Math.max(1, granted),
    said: Object.fromEntries([...said].sort(([left], [right]) => (left < right ? -1 : 1))),
  };
}
