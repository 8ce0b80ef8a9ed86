import type { HostId } from "@darner/domain";
import { simulatedBlob, type SimulatedBlob } from "./bodies/blob.ts";
import { SimulatedHost } from "./bodies/host.ts";
import { SimulatedScheduler } from "./bodies/scheduler.ts";
import { SimulatedSource } from "./bodies/source.ts";
import { dice } from "./engine/random.ts";
import { Stopwatch } from "./engine/stopwatch.ts";
import { Timeline } from "./engine/timeline.ts";
import { Trace } from "./engine/trace.ts";
import type { Fault } from "./fault.ts";
import { Network } from "./network/network.ts";
import { Station } from "./network/station.ts";
import { lowerBoundMs } from "./report/lower-bound.ts";
import { PullRecords } from "./report/pull-records.ts";
import { readersOf, timesOf, type Report, type SchedulerReport, type SourceReport } from "./report/report.ts";
import type { Scenario } from "./scenario.ts";
import type { World } from "./world.ts";

// Up to this many hosts everything is looked at after every message of the scheduler, above now and then.
const CHECK_ALL_UP_TO_HOSTS = 100;
// As many looks at everything as a run above that has room for.
const CHECK_EVERY_MESSAGES = 50_000;
// A run that takes more steps for each host and piece than this turns in circles; usual are about ten.
const MAX_STEPS_PER_PIECE = 500;
const MIN_MAX_STEPS = 1_000_000;
// Requests of people and kubelets come a little apart.
const JOIN_JITTER_MS = 5;
// A pull that takes so much longer than the least time there can be hangs.
const PATIENCE_MS = 60_000;
const PATIENCE_BOUNDS = 10;
// The links of ten thousand hosts are simulated in coarser slices: each costs a step.
const FINE_SLICES = 8;
const COARSE_SLICES = 2;
const FINE_UP_TO_HOSTS = 1000;
const MIN_SLICE_BYTES = 64 * 1024;

/** Drives the real scheduler and the real peers of one scenario through virtual time. */
export class Simulation {
  readonly #seed: number;
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #hosts: SimulatedHost[] = [];
  readonly #source: SimulatedSource;
  readonly #scheduler: SimulatedScheduler;
  readonly #records = new PullRecords();
  // Pulls that have yet to begin.
  #planned = 0;
  #steps = 0;
  #checkedAt = 0;

  constructor(seed: number, scenario: Scenario, print?: (line: string) => void) {
    this.#seed = seed;
    this.#scenario = scenario;
    const { bytesPerSecond } = scenario.source;
    const station = new Station({
      upBytesPerSecond: bytesPerSecond,
      downBytesPerSecond: bytesPerSecond,
      latencyMs: scenario.latencyMs / 2,
    });
    this.#source = new SimulatedSource(() => this.#world, station);
    this.#scheduler = new SimulatedScheduler(() => this.#world);
    this.#world = this.#makeWorld(print);
  }

  /** How every pull went. */
  get records(): PullRecords["all"] {
    return this.#records.all;
  }

  /** Runs to the end of the scenario, or until nothing is left to happen. Throws, naming the seed, where an invariant breaks. */
  run(): Report {
    try {
      this.#begin();
      const { timeline } = this.#world;
      const endMs = this.#scenario.endMs ?? this.#usualEndMs();
      const maxSteps = this.#maxSteps();
      while (!this.#isDone() && timeline.step(endMs)) {
        this.#steps += 1;
        if (this.#steps > maxSteps) throw new Error("the simulation turns in circles");
        this.#check();
      }
      this.#checkEverything();
      return this.#report();
    } catch (cause) {
      throw new Error(`simulation "${this.#scenario.name}" with seed ${String(this.#seed)} failed`, { cause });
    }
  }

  #makeWorld(print: ((line: string) => void) | undefined): World {
    const scenario = this.#scenario;
    const timeline = new Timeline();
    const slicesPerPiece = scenario.slicesPerPiece ?? (scenario.hosts <= FINE_UP_TO_HOSTS ? FINE_SLICES : COARSE_SLICES);
    return {
      scenario,
      timeline,
      network: new Network(timeline, { slicesPerPiece, minSliceBytes: MIN_SLICE_BYTES }),
      trace: new Trace(print),
      stopwatch: new Stopwatch(),
      records: this.#records,
      dice: (name) => dice(this.#seed, name),
      blobs: scenario.blobBytes.map((bytes, number) => simulatedBlob(number, bytes)),
      hosts: new Map<HostId, SimulatedHost>(),
      source: this.#source,
      scheduler: this.#scheduler,
    };
  }

  #begin(): void {
    const { scheduler, hosts, faults } = this.#scenario;
    const { timeline } = this.#world;
    if (scheduler) this.#scheduler.start();
    for (let number = 0; number < hosts; number++) this.#beginHost(number);
    for (const fault of faults) timeline.after(fault.atMs, () => this.#strike(fault));
  }

  #beginHost(number: number): void {
    const { upBytesPerSecond, downBytesPerSecond, latencyMs, joinsAtMs, holders } = this.#scenario;
    const { blobs, timeline } = this.#world;
    const host = new SimulatedHost(this.#world, number, new Station({ upBytesPerSecond, downBytesPerSecond, latencyMs: latencyMs / 2 }));
    this.#hosts.push(host);
    (this.#world.hosts as Map<HostId, SimulatedHost>).set(host.id, host);
    timeline.after(0, () => host.joinScheduler());
    if (number < holders) {
      for (const blob of blobs) host.preload(blob);
      return;
    }
    const joinsAt = (joinsAtMs[number] ?? 0) + this.#world.dice(`join/${String(number)}`)() * JOIN_JITTER_MS;
    for (const blob of blobs) this.#planPull(joinsAt, host, blob);
  }

  #planPull(at: number, host: SimulatedHost, blob: SimulatedBlob): void {
    this.#planned += 1;
    this.#world.timeline.after(at, () => {
      this.#planned -= 1;
      host.pull(blob);
    });
  }

  #strike(fault: Fault): void {
    const { timeline, trace } = this.#world;
    trace.note(timeline.now, "fault", "!", fault);
    if (fault.type === "host-killed") this.#hosts[fault.host]?.kill();
    if (fault.type === "host-lies") this.#lie(fault);
    if (fault.type === "scheduler-restarted") this.#restartScheduler(fault.downMs);
  }

  #lie({ host, forMs }: Extract<Fault, { type: "host-lies" }>): void {
    const liar = this.#hosts[host];
    if (liar === undefined) return;
    liar.isLying = true;
    this.#world.timeline.after(forMs, () => (liar.isLying = false));
  }

  #restartScheduler(downMs: number): void {
    this.#scheduler.stop();
    for (const host of this.#hosts) host.loseScheduler();
    this.#world.timeline.after(downMs, () => {
      this.#scheduler.start();
      for (const host of this.#hosts) host.joinScheduler();
    });
  }

  #isDone(): boolean {
    return this.#planned === 0 && this.#records.open === 0;
  }

  #usualEndMs(): number {
    const { joinsAtMs, faults } = this.#scenario;
    const lastChange = [...joinsAtMs, ...faults.map(({ atMs }) => atMs)].reduce((last, at) => Math.max(last, at), 0);
    return lastChange + PATIENCE_MS + PATIENCE_BOUNDS * lowerBoundMs(this.#scenario);
  }

  #maxSteps(): number {
    const pieces = this.#world.blobs.reduce((sum, blob) => sum + blob.pieces, 0);
    return Math.max(MIN_MAX_STEPS, this.#scenario.hosts * pieces * MAX_STEPS_PER_PIECE);
  }

  /** The scheduler of a small swarm is looked at whole after every message, that of a large one now and then. */
  #check(): void {
    const heard = this.#scheduler.heard;
    const isDue = this.#scenario.hosts <= CHECK_ALL_UP_TO_HOSTS ? heard > this.#checkedAt : heard >= this.#checkedAt + CHECK_EVERY_MESSAGES;
    if (!isDue) return;
    this.#checkedAt = heard;
    const since = performance.now();
    this.#scheduler.checkInvariants();
    this.#world.stopwatch.book("checks", since);
  }

  #checkEverything(): void {
    this.#scheduler.checkInvariants();
    for (const host of this.#hosts) host.checkInvariants();
  }

  #report(): Report {
    const { trace, blobs, stopwatch, network } = this.#world;
    const records = this.#records.all.filter(({ host }) => this.#hosts[host]?.isAlive === true);
    const bytes = blobs.reduce((sum, { task }) => sum + task.size, 0);
    return {
      scenario: this.#scenario.name,
      seed: this.#seed,
      trace: trace.digest(),
      hosts: this.#scenario.hosts,
      bytes,
      pieces: blobs.reduce((sum, blob) => sum + blob.pieces, 0),
      ...timesOf(records, lowerBoundMs(this.#scenario)),
      failures: records.flatMap(({ host, endedAt, failure }) =>
        endedAt === undefined ? [{ host, reason: failure ?? "never ended" }] : [],
      ),
      reader: readersOf(records),
      source: this.#sourceReport(bytes),
      scheduler: this.#schedulerReport(),
      mostUploadedCopies: this.#hosts.reduce((most, { station }) => Math.max(most, station.up.bytes), 0) / bytes,
      wastedCopies: network.wastedBytes / bytes,
      steps: this.#steps,
      cost: stopwatch.cost(),
    };
  }

  #sourceReport(bytes: number): SourceReport {
    const pieces: Record<string, number> = {};
    for (const { sourcePieces } of this.#hosts) for (const [cause, count] of sourcePieces) pieces[cause] = (pieces[cause] ?? 0) + count;
    const { bytesSent, requests } = this.#source;
    return { bytes: bytesSent, copies: bytesSent / bytes, requests, pieces };
  }

  #schedulerReport(): SchedulerReport {
    const { messagesUp, messagesDown, granted, said } = this.#scheduler;
    return {
      messagesUp,
      messagesDown,
      granted,
      messagesPerPiece: (messagesUp + messagesDown) / Math.max(1, granted),
      said: Object.fromEntries([...said].sort(([left], [right]) => (left < right ? -1 : 1))),
    };
  }
}
