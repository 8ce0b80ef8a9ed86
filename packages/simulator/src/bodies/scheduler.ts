import type { HostId } from "@darner/domain";
import { DEFAULT_LIMITS, Scheduler, type SchedulerEffect, type SchedulerEvent } from "@darner/scheduler-core";
import { VirtualClock } from "../engine/virtual-clock.ts";
import type { HostInWorld, SchedulerInWorld, World } from "../world.ts";
import { Courier } from "./courier.ts";

/** The session of one host: what goes up and what comes down. */
type Session = { readonly up: Courier<SchedulerEvent>; readonly down: Courier<SchedulerEffect> };

const NAME = "scheduler";

/** The body of the real scheduler core in virtual time: messages take the latency, deadlines come when they are due. */
export class SimulatedScheduler implements SchedulerInWorld {
  readonly #world: () => World;
  #core: Scheduler | undefined;
  #lastClock: VirtualClock | undefined;
  #life = 0;
  #wakesAt = Infinity;
  #sessions = new Map<HostId, Session>();
  /** Messages of sessions that are over. */
  #pastUp = 0;
  #pastDown = 0;
  /** What hosts said and what they were told, by type. */
  readonly said: Map<string, number> = new Map<string, number>();
  /** Pieces it promised, grant by grant. */
  granted = 0;
  /** Events its core was given. */
  heard = 0;

  constructor(world: () => World) {
    this.#world = world;
  }

  get #clock(): VirtualClock {
    return (this.#lastClock ??= new VirtualClock(this.#world().timeline));
  }

  get isLive(): boolean {
    return this.#core !== undefined;
  }

  /** Messages it got. */
  get messagesUp(): number {
    return [...this.#sessions.values()].reduce((sum, { up }) => sum + up.messages, this.#pastUp);
  }

  /** Messages it sent. */
  get messagesDown(): number {
    return [...this.#sessions.values()].reduce((sum, { down }) => sum + down.messages, this.#pastDown);
  }

  start(): void {
    this.#life += 1;
    this.#wakesAt = Infinity;
    this.#core = new Scheduler(DEFAULT_LIMITS, this.#world().dice(`scheduler/${String(this.#life)}`));
  }

  stop(): void {
    this.#core = undefined;
    this.#pastUp = this.messagesUp;
    this.#pastDown = this.messagesDown;
    this.#sessions = new Map();
    this.#life += 1;
  }

  tell(host: HostInWorld, event: SchedulerEvent): void {
    if (event.type === "host-joined") {
      this.#forget(host.id);
      this.#sessions.set(host.id, this.#newSession(host));
    }
    this.#sessions.get(host.id)?.up.say(event);
  }

  lose(host: HostInWorld, afterMs: number): void {
    const session = this.#sessions.get(host.id);
    if (session === undefined) return;
    const life = this.#life;
    this.#world().timeline.after(afterMs, () => {
      if (life !== this.#life || this.#sessions.get(host.id) !== session) return;
      this.#forget(host.id);
      this.#handle({ type: "host-lost", host: host.id });
    });
  }

  /** Its clock goes ahead at once, or stands still for a while. */
  jump(byMs: number): void {
    this.#clock.jump(byMs);
    this.#wakesAt = Infinity;
    this.#arm();
  }

  checkInvariants(): void {
    this.#core?.checkInvariants();
  }

  #forget(host: HostId): void {
    const session = this.#sessions.get(host);
    this.#sessions.delete(host);
    this.#pastUp += session?.up.messages ?? 0;
    this.#pastDown += session?.down.messages ?? 0;
  }

  #newSession(host: HostInWorld): Session {
    const { timeline, scenario } = this.#world();
    const life = this.#life;
    return {
      up: new Courier(timeline, scenario.latencyMs, (events) => {
        if (life === this.#life) for (const event of events) this.#handle(event);
      }),
      down: new Courier(timeline, scenario.latencyMs, (effects) => {
        if (life === this.#life) for (const effect of effects) host.hear(effect);
      }),
    };
  }

  #handle(event: SchedulerEvent): void {
    const { timeline, trace, stopwatch } = this.#world();
    if (this.#core === undefined) return;
    this.heard += 1;
    this.#count(event.type);
    trace.note(timeline.now, NAME, "<", event);
    const since = performance.now();
    const effects = this.#core.handle(event, this.#clock.now);
    stopwatch.book("scheduler-core", since);
    for (const effect of effects) {
      trace.note(timeline.now, NAME, ">", effect);
      this.#count(effect.type);
      if (effect.type === "grant-pieces" || effect.type === "grant-stripe") this.granted += effect.run.count;
      this.#sessions.get(effect.host)?.down.say(effect);
    }
    this.#arm();
  }

  #count(type: string): void {
    this.said.set(type, (this.said.get(type) ?? 0) + 1);
  }

  /** Wakes the core when its deadline has come, unless something happened before that moved it. */
  #arm(): void {
    const due = this.#core?.nextDeadline();
    if (due === undefined) return;
    const { timeline } = this.#world();
    const at = timeline.now + this.#clock.until(due);
    if (at >= this.#wakesAt) return;
    const life = this.#life;
    this.#wakesAt = at;
    timeline.after(at - timeline.now, () => {
      if (life !== this.#life || this.#wakesAt !== at) return;
      this.#wakesAt = Infinity;
      if ((this.#core?.nextDeadline() ?? Infinity) <= this.#clock.now) this.#handle({ type: "time-passed" });
      else this.#arm();
    });
  }
}
