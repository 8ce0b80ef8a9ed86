import type { HostId } from "@darner/domain";
import { simulatedBlob } from "./bodies/blob.ts";
import { SimulatedHost } from "./bodies/host.ts";
import { SimulatedScheduler } from "./bodies/scheduler.ts";
import { SimulatedSource } from "./bodies/source.ts";
import { dice, type Dice } from "./engine/random.ts";
import { Stopwatch } from "./engine/stopwatch.ts";
import { Timeline } from "./engine/timeline.ts";
import { Trace } from "./engine/trace.ts";
import type { Fault } from "./fault.ts";
import { Network } from "./network/network.ts";
import { Station, type Rack } from "./network/station.ts";
import { planHosts, planRacks, type PlannedHost } from "./plan-hosts.ts";
import { buildReport } from "./report/build-report.ts";
import { imageBytes, imageOf, lowerBoundMs } from "./report/lower-bound.ts";
import { PullRecords } from "./report/pull-records.ts";
import type { Report } from "./report/report.ts";
import { Takeovers } from "./report/takeovers.ts";
import type { Scenario } from "./scenario.ts";
import { strike } from "./strikes.ts";
import type { World } from "./world.ts";

// Up to this many hosts everything is looked at after every message of the scheduler, above now and then.
const CHECK_ALL_UP_TO_HOSTS = 100;
// As many looks at everything as a run above that has room for.
const CHECK_EVERY_MESSAGES = 50_000;
// A run that takes more steps for each host and piece than this turns in circles; usual are about ten.
const MAX_STEPS_PER_PIECE = 500;
const MIN_MAX_STEPS = 1_000_000;
// A pull that takes so much longer than the least time there can be hangs.
const PATIENCE_MS = 60_000;
const PATIENCE_BOUNDS = 10;
// Each slice costs a step: the links of many hosts are simulated in coarser ones.
const SLICES: readonly { readonly upToHosts: number; readonly slicesPerPiece: number }[] = [
  { upToHosts: 200, slicesPerPiece: 8 },
  { upToHosts: 2000, slicesPerPiece: 4 },
  { upToHosts: Infinity, slicesPerPiece: 2 },
];
const MIN_SLICE_BYTES = 64 * 1024;

/** Drives the real scheduler and the real peers of one scenario through virtual time. */
export class Simulation {
  readonly #seed: number;
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #hosts: SimulatedHost[] = [];
  readonly #hostsById = new Map<HostId, SimulatedHost>();
  readonly #racks: readonly Rack[];
  readonly #source: SimulatedSource;
  readonly #schedulers: readonly SimulatedScheduler[];
  readonly #takeovers: Takeovers;
  readonly #records = new PullRecords();
  #steps = 0;
  #checkedAt = 0;

  constructor(seed: number, scenario: Scenario, print?: (line: string) => void) {
    this.#seed = seed;
    this.#scenario = scenario;
    this.#racks = planRacks(scenario);
    const { bytesPerSecond } = scenario.source;
    const station = new Station({
      upBytesPerSecond: bytesPerSecond,
      downBytesPerSecond: bytesPerSecond,
      latencyMs: scenario.latencyMs / 2,
    });
    this.#source = new SimulatedSource(() => this.#world, station);
    const names = Array.from({ length: scenario.schedulers }, (_, at) => (at === 0 ? "scheduler" : `scheduler-${String(at)}`));
    this.#schedulers = names.map((name) => new SimulatedScheduler(() => this.#world, name));
    this.#takeovers = new Takeovers({
      now: () => this.#world.timeline.now,
      hosts: () => this.#hosts,
      schedulers: () => this.#schedulers,
    });
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
      return buildReport({
        world: this.#world,
        seed: this.#seed,
        steps: this.#steps,
        hosts: this.#hosts,
        racks: this.#racks,
        schedulers: this.#schedulers,
        source: this.#source,
      });
    } catch (cause) {
      throw new Error(`simulation "${this.#scenario.name}" with seed ${String(this.#seed)} failed`, { cause });
    }
  }

  #makeWorld(print: ((line: string) => void) | undefined): World {
    const scenario = this.#scenario;
    const timeline = new Timeline();
    const slicesPerPiece = scenario.slicesPerPiece ?? SLICES.find(({ upToHosts }) => scenario.hosts <= upToHosts)?.slicesPerPiece ?? 1;
    return {
      scenario,
      isCheckedAlways: scenario.checks === undefined ? scenario.hosts <= CHECK_ALL_UP_TO_HOSTS : scenario.checks === "every-step",
      timeline,
      network: new Network(timeline, { slicesPerPiece, minSliceBytes: MIN_SLICE_BYTES }),
      trace: new Trace(print),
      stopwatch: new Stopwatch(),
      records: this.#records,
      dice: (name) => dice(this.#seed, name),
      blobs: scenario.blobBytes.map((bytes, number) => simulatedBlob(number, bytes)),
      hosts: this.#hostsById,
      source: this.#source,
      takeovers: this.#takeovers,
      heard: { count: 0 },
      schedulers: this.#schedulers,
    };
  }

  #begin(): void {
    const { scenario, timeline } = this.#world;
    for (const scheduler of this.#schedulers) scheduler.start();
    const plans = planHosts(scenario, this.#racks, (name) => this.#world.dice(name));
    for (const plan of plans) this.#beginHost(plan);
    for (const [index, fault] of scenario.faults.entries()) {
      const dice = this.#world.dice(`fault/${String(index)}`);
      timeline.after(fault.atMs, () => this.#strike(fault, dice));
    }
  }

  #beginHost(plan: PlannedHost): void {
    const { blobs, timeline, records, scenario } = this.#world;
    const host = new SimulatedHost(this.#world, plan);
    this.#hosts.push(host);
    this.#hostsById.set(host.id, host);
    timeline.after(0, () => host.start());
    const wanted = blobs.filter(({ number }) => imageOf(scenario, plan.number).includes(number));
    if (plan.number < scenario.holders) {
      for (const blob of wanted) host.preload(blob);
      return;
    }
    records.planned += 1;
    timeline.after(plan.joinsAtMs, () => {
      records.planned -= 1;
      for (const blob of wanted) host.pull(blob);
    });
  }

  #strike(fault: Fault, dice: Dice): void {
    const { timeline, trace, takeovers } = this.#world;
    trace.note(timeline.now, "fault", "!", fault);
    strike(fault, { timeline, hosts: this.#hosts, schedulers: this.#schedulers, takeovers, source: this.#source, dice });
  }

  #isDone(): boolean {
    return this.#records.planned === 0 && this.#records.open === 0;
  }

  #usualEndMs(): number {
    const { joinsAtMs, joinSpreadMs = 0, faults, slow } = this.#scenario;
    const ends = faults.map((fault) => fault.atMs + ("forMs" in fault ? fault.forMs : 0) + ("downMs" in fault ? fault.downMs : 0));
    const lastChange = [...joinsAtMs, joinSpreadMs, ...ends].reduce((last, at) => Math.max(last, at), 0);
    const slowMs = slow === undefined ? 0 : (1000 * imageBytes(this.#scenario, 0)) / slow.downBytesPerSecond;
    return lastChange + PATIENCE_MS + PATIENCE_BOUNDS * Math.max(slowMs, lowerBoundMs(this.#scenario));
  }

  #maxSteps(): number {
    const pieces = this.#world.blobs.reduce((sum, blob) => sum + blob.pieces, 0);
    return Math.max(MIN_MAX_STEPS, this.#scenario.hosts * pieces * MAX_STEPS_PER_PIECE);
  }

  /** The scheduler of a small swarm is looked at whole after every message, that of a large one now and then. */
  #check(): void {
    const heard = this.#world.heard.count;
    const isDue = this.#world.isCheckedAlways ? heard > this.#checkedAt : heard >= this.#checkedAt + CHECK_EVERY_MESSAGES;
    if (!isDue) return;
    this.#checkedAt = heard;
    const since = performance.now();
    for (const scheduler of this.#schedulers) scheduler.checkInvariants();
    this.#world.stopwatch.book("checks", since);
  }

  #checkEverything(): void {
    for (const scheduler of this.#schedulers) scheduler.checkInvariants();
    for (const host of this.#hosts) host.checkInvariants();
  }
}
