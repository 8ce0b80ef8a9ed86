import type { HostId } from "@darner/domain";
import { DEFAULT_LIMITS, Scheduler, type SchedulerEffect, type SchedulerEvent } from "@darner/scheduler-core";
import { oneLine } from "./trace.ts";
import type { World } from "./world.ts";

/** The body of the real scheduler core in virtual time: messages take the latency, deadlines come when they are due. */
export class SimulatedScheduler {
  readonly #world: () => World;
  #core: Scheduler | undefined;
  #life = 0;
  #armedFor: number | undefined;
  /** Messages it got and sent. */
  messages = 0;
  /** Pieces it promised. */
  promised = 0;

  constructor(world: () => World) {
    this.#world = world;
  }

  get isLive(): boolean {
    return this.#core !== undefined;
  }

  start(): void {
    this.#life += 1;
    this.#armedFor = undefined;
    this.#core = new Scheduler(DEFAULT_LIMITS, this.#world().dice(`scheduler/${String(this.#life)}`));
  }

  stop(): void {
    this.#core = undefined;
  }

  /** A message of a host; lost where no scheduler is there when it arrives. */
  tell(event: SchedulerEvent): void {
    const { timeline, scenario } = this.#world();
    const life = this.#life;
    timeline.after(scenario.latencyMs, () => {
      if (life !== this.#life) return;
      this.messages += 1;
      this.#handle(event);
    });
  }

  checkInvariants(): void {
    this.#core?.checkInvariants();
  }

  #handle(event: SchedulerEvent): void {
    const { timeline, trace } = this.#world();
    const core = this.#core;
    if (core === undefined) return;
    trace.line(timeline.now, `scheduler < ${oneLine(event)}`);
    const effects = core.handle(event, timeline.now);
    const spokenTo = new Set<HostId>();
    for (const effect of effects) {
      trace.line(timeline.now, `scheduler > ${oneLine(effect)}`);
      spokenTo.add(effect.host);
      this.#perform(effect);
    }
    // Effects of one turn for one host go in one message.
    this.messages += spokenTo.size;
    this.#arm();
  }

  #perform(effect: SchedulerEffect): void {
    const { timeline, scenario, hosts } = this.#world();
    const life = this.#life;
    if (effect.type === "grant-pieces" || effect.type === "grant-stripe") this.promised += effect.run.count;
    timeline.after(scenario.latencyMs, () => {
      if (life === this.#life && this.isLive) hosts.get(effect.host)?.hear(effect);
    });
  }

  #arm(): void {
    const { timeline } = this.#world();
    const due = this.#core?.nextDeadline();
    if (due === undefined || (this.#armedFor !== undefined && this.#armedFor <= due)) return;
    this.#armedFor = due;
    const life = this.#life;
    timeline.after(due - timeline.now, () => {
      if (life !== this.#life || this.#armedFor !== due) return;
      this.#armedFor = undefined;
      this.#handle({ type: "time-passed" });
    });
  }
}
