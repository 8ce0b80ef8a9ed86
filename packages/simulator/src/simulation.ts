import { taskId, type HostId } from "@darner/domain";
import { simulatedBlob } from "./blob.ts";
import { Network } from "./network.ts";
import { dice } from "./random.ts";
import { lowerBoundMs, type Report } from "./report.ts";
import type { Fault, Scenario } from "./scenario.ts";
import { SimulatedHost } from "./simulated-host.ts";
import { SimulatedScheduler } from "./simulated-scheduler.ts";
import { SimulatedSource } from "./simulated-source.ts";
import { Timeline } from "./timeline.ts";
import { Trace } from "./trace.ts";
import type { World } from "./world.ts";

// The whole of a large swarm is too much to look at after every step.
const CHECK_ALL_UP_TO_HOSTS = 4;
const CHECK_EVERY_STEPS = 2000;
const LOOK_EVERY_STEPS = 32;
// A run that takes more steps than this turns in circles: 64 MiB to 50 hosts takes some hundred thousand.
const MAX_STEPS = 20_000_000;

/** Drives the real scheduler and the real peers of one scenario through virtual time. */
export class Simulation {
  readonly #seed: number;
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #hosts = new Map<HostId, SimulatedHost>();
  readonly #source: SimulatedSource;
  readonly #scheduler: SimulatedScheduler;
  #checked = 0;

  constructor(seed: number, scenario: Scenario, print?: (line: string) => void) {
    this.#seed = seed;
    this.#scenario = scenario;
    this.#source = new SimulatedSource(() => this.#world, scenario.source.bytesPerSecond);
    this.#scheduler = new SimulatedScheduler(() => this.#world);
    this.#world = this.#makeWorld(print);
  }

  /** Runs to the end of the scenario, or until nothing is left to happen. Throws, naming the seed, where an invariant breaks. */
  run(): Report {
    try {
      this.#begin();
      const { timeline } = this.#world;
      let steps = 0;
      while ((steps % LOOK_EVERY_STEPS !== 0 || !this.#isDone()) && timeline.step(this.#scenario.endMs)) {
        steps += 1;
        if (steps > MAX_STEPS) throw new Error("the simulation turns in circles");
        this.#check(steps);
      }
      this.#scheduler.checkInvariants();
      return this.#report();
    } catch (cause) {
      throw new Error(`simulation "${this.#scenario.name}" with seed ${String(this.#seed)} failed`, { cause });
    }
  }

  #makeWorld(print: ((line: string) => void) | undefined): World {
    const scenario = this.#scenario;
    const timeline = new Timeline();
    const blobs = scenario.blobBytes.map((bytes, number) => simulatedBlob(number, bytes));
    return {
      scenario,
      timeline,
      network: new Network(timeline, scenario.latencyMs),
      trace: new Trace(print),
      dice: (name) => dice(this.#seed, name),
      blobs: new Map(blobs.map((blob) => [taskId(blob.task), blob])),
      hosts: this.#hosts,
      source: this.#source,
      scheduler: this.#scheduler,
      violation: (what) => {
        throw new Error(what);
      },
    };
  }

  #begin(): void {
    const { blobs, timeline } = this.#world;
    if (this.#scenario.scheduler) this.#scheduler.start();
    for (let number = 0; number < this.#scenario.hosts; number++) {
      const host = new SimulatedHost(() => this.#world, number);
      this.#hosts.set(host.id, host);
      if (number < this.#scenario.holders) for (const blob of blobs.values()) host.preload(blob);
      timeline.after(0, () => host.joinScheduler());
      // A little apart, as requests of people and kubelets are.
      const joinsAt = (this.#scenario.joinsAtMs[number] ?? 0) + this.#world.dice(`join/${String(number)}`)() * 5;
      for (const blob of blobs.values()) timeline.after(joinsAt, () => host.pull(blob));
    }
    for (const fault of this.#scenario.faults) timeline.after(fault.atMs, () => this.#strike(fault));
  }

  #strike(fault: Fault): void {
    const { timeline, trace } = this.#world;
    const hosts = this.#hosts;
    const scheduler = this.#scheduler;
    trace.line(timeline.now, `fault ${JSON.stringify(fault)}`);
    if (fault.type === "host-killed") [...hosts.values()][fault.host]?.kill();
    if (fault.type !== "scheduler-restarted") return;
    scheduler.stop();
    for (const host of hosts.values()) host.loseScheduler();
    timeline.after(fault.downMs, () => {
      scheduler.start();
      for (const host of hosts.values()) host.joinScheduler();
    });
  }

  #isDone(): boolean {
    const hosts = [...this.#hosts.values()].filter((host) => host.isAlive);
    const expected = hosts.reduce((sum, host) => sum + (host.number < this.#scenario.holders ? 0 : this.#world.blobs.size), 0);
    const ended = hosts.reduce(
      (sum, host) => sum + host.outcomes.filter(({ endedAt, failure }) => endedAt !== undefined || failure !== undefined).length,
      0,
    );
    return ended >= expected;
  }

  /** Small swarms are looked at whole after every message, large ones now and then. */
  #check(steps: number): void {
    const isSmall = this.#scenario.hosts <= CHECK_ALL_UP_TO_HOSTS;
    const mark = isSmall ? this.#scheduler.messages : Math.floor(steps / CHECK_EVERY_STEPS);
    if (mark === this.#checked) return;
    this.#checked = mark;
    this.#scheduler.checkInvariants();
  }

  #report(): Report {
    const { trace, blobs } = this.#world;
    const hosts = this.#hosts;
    const outcomes = [...hosts.values()].flatMap((host) => host.outcomes.map((outcome) => ({ host, ...outcome })));
    const survived = outcomes.filter(({ host }) => host.isAlive);
    const times = survived
      .flatMap(({ beganAt, endedAt }) => (endedAt === undefined ? [] : [endedAt - beganAt]))
      .sort((left, right) => left - right);
    const bytes = [...blobs.values()].reduce((sum, { task }) => sum + task.size, 0);
    const pieces = survived.reduce((sum, { blob }) => sum + blob.pieces, 0);
    const causes: Record<string, number> = {};
    for (const host of hosts.values()) for (const [cause, count] of host.sourcePieces) causes[cause] = (causes[cause] ?? 0) + count;
    const lastMs = times.at(-1) ?? 0;
    return {
      scenario: this.#scenario.name,
      seed: this.#seed,
      trace: trace.digest(),
      completed: times.length,
      failures: survived.flatMap(({ host, endedAt, failure }) =>
        endedAt === undefined ? [{ host: host.number, reason: failure ?? "never ended" }] : [],
      ),
      lastMs,
      medianMs: times[times.length >> 1] ?? 0,
      boundRatio: lastMs / lowerBoundMs(this.#scenario),
      sourceBytes: this.#source.bytesSent,
      sourceCopies: this.#source.bytesSent / bytes,
      sourceRequests: this.#source.requests,
      sourcePieces: causes,
      mostUploadedCopies: Math.max(...[...hosts.values()].map((host) => host.station.sentBytes)) / bytes,
      schedulerMessages: this.#scheduler.messages,
      messagesPerPiece: this.#scheduler.messages / Math.max(1, pieces),
    };
  }
}
