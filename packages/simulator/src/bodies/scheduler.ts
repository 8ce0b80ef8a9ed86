import type { HostId, HostStanding, SwarmStanding } from "@darner/domain";
import {
  DEFAULT_LIMITS,
  Scheduler,
  StandingBook,
  type SchedulerEffect,
  type SchedulerEvent,
  type StandingEvent,
} from "@darner/scheduler-core";
import { VirtualClock } from "../engine/virtual-clock.ts";
import type { HostInWorld, SchedulerInWorld, World } from "../world.ts";
import { Courier } from "./courier.ts";
import { SILENT_MS } from "./silence.ts";

type Word = { readonly type: "word"; readonly word: HostStanding };
type Told = { readonly type: "standing"; readonly standing: SwarmStanding };
// What is lost where instants of two clocks are compared.
const HAIR_MS = 1e-6;

/** The session of one host: what goes up and what comes down. */
type Session = { readonly host: HostInWorld; readonly up: Courier<SchedulerEvent | Word>; readonly down: Courier<SchedulerEffect | Told> };

/** The body of the real scheduler core in virtual time: messages take the latency, deadlines come when they are due. */
export class SimulatedScheduler implements SchedulerInWorld {
  readonly address: string;
  readonly #world: () => World;
  #core: Scheduler | undefined;
  #book = new StandingBook<HostId>();
  #lastClock: VirtualClock | undefined;
  #life = 0;
  #wakesAt = Infinity;
  #countsAt = Infinity;
  #sessions = new Map<HostId, Session>();
  /** Hosts whose messages do not come through, nor its own to them. */
  readonly #cutOff = new Set<HostId>();
  /** Messages of sessions that are over. */
  #pastUp = 0;
  #pastDown = 0;
  /** What hosts said and what they were told, by type. */
  readonly said: Map<string, number> = new Map<string, number>();
  /** Pieces it promised, grant by grant. */
  granted = 0;

  constructor(world: () => World, address: string) {
    this.#world = world;
    this.address = address;
  }

  get #clock(): VirtualClock {
    return (this.#lastClock ??= new VirtualClock(this.#world().timeline));
  }

  /** The core that runs in it; undefined while its process is gone. */
  get core(): Scheduler | undefined {
    return this.#core;
  }

  get isLive(): boolean {
    return this.#core !== undefined;
  }

  /** Hosts that follow it. */
  get followers(): number {
    return this.#book.followers;
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
    this.#countsAt = Infinity;
    this.#book = new StandingBook();
    const { toldRequestsPerMinute: maxRequestsPerMinute = 0 } = this.#world().scenario;
    this.#core = new Scheduler({ ...DEFAULT_LIMITS, maxRequestsPerMinute }, this.#world().dice(`${this.address}/${String(this.#life)}`));
  }

  /** Its process dies; gives back the hosts whose sessions end with it. */
  stop(): HostInWorld[] {
    const hosts = Array.from(this.#sessions.values(), ({ host }) => host);
    this.#core = undefined;
    this.#pastUp = this.messagesUp;
    this.#pastDown = this.messagesDown;
    this.#sessions = new Map();
    this.#life += 1;
    return hosts;
  }

  canReach(host: HostInWorld): boolean {
    return !this.#cutOff.has(host.id);
  }

  /** From now on nothing passes between it and a host; its side of the session ends by the silence. */
  cut(host: HostInWorld): void {
    this.#cutOff.add(host.id);
    this.lose(host, SILENT_MS);
  }

  /** What they say comes through again. */
  mend(host: HostInWorld): void {
    this.#cutOff.delete(host.id);
  }

  tell(host: HostInWorld, event: SchedulerEvent): void {
    if (!this.canReach(host)) return;
    if (event.type === "host-joined") {
      this.#forget(host.id);
      this.#sessions.set(host.id, this.#newSession(host));
    }
    this.#sessions.get(host.id)?.up.say(event);
  }

  tellStanding(host: HostInWorld, word: HostStanding): void {
    if (this.canReach(host)) this.#sessions.get(host.id)?.up.say({ type: "word", word });
  }

  lose(host: HostInWorld, afterMs: number): void {
    const session = this.#sessions.get(host.id);
    if (session === undefined) return;
    const life = this.#life;
    this.#world().timeline.after(afterMs, () => {
      if (life !== this.#life || this.#sessions.get(host.id) !== session) return;
      this.#forget(host.id);
      this.#handle({ type: "host-lost", host: host.id });
      this.#count({ type: "session-over", from: host.id });
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
      host,
      up: new Courier(timeline, scenario.latencyMs, (said) => {
        if (life === this.#life && this.canReach(host)) for (const each of said) this.#receive(host, each);
      }),
      down: new Courier(timeline, scenario.latencyMs, (told) => {
        if (life !== this.#life || !this.canReach(host)) return;
        for (const each of told) {
          if (each.type === "standing") host.hearStanding(this, each.standing);
          else host.hear(this, each);
        }
      }),
    };
  }

  #receive(host: HostInWorld, said: SchedulerEvent | Word): void {
    if (said.type === "word") this.#count({ type: "word-given", from: host.id, word: said.word });
    else this.#handle(said);
    this.#world().takeovers.look();
  }

  #handle(event: SchedulerEvent): void {
    const { timeline, trace, stopwatch, heard } = this.#world();
    if (this.#core === undefined) return;
    heard.count += 1;
    this.#note(event.type);
    trace.note(timeline.now, this.address, "<", event);
    const since = performance.now();
    const effects = this.#core.handle(event, this.#clock.now);
    stopwatch.book("scheduler-core", since);
    for (const effect of effects) {
      trace.note(timeline.now, this.address, ">", effect);
      this.#note(effect.type);
      if (effect.type === "grant-pieces" || effect.type === "grant-stripe") this.granted += effect.run.count;
      this.#sessions.get(effect.host)?.down.say(effect);
    }
    this.#arm();
  }

  #note(type: string): void {
    this.said.set(type, (this.said.get(type) ?? 0) + 1);
  }

  /** Who follows whom is counted, and told to all. */
  #count(event: StandingEvent<HostId>): void {
    if (this.#core === undefined) return;
    for (const effect of this.#book.handle(event, this.#clock.now)) {
      if (effect.type === "hosts-moving") this.#handle(effect);
      else for (const host of effect.to) this.#sessions.get(host)?.down.say({ type: "standing", standing: effect.standing });
    }
    const due = this.#book.nextDeadline();
    if (due === undefined) return;
    const { timeline } = this.#world();
    const at = timeline.now + this.#clock.until(due);
    if (at >= this.#countsAt) return;
    const life = this.#life;
    this.#countsAt = at;
    timeline.after(at - timeline.now, () => {
      if (life !== this.#life) return;
      this.#countsAt = Infinity;
      this.#count({ type: "time-passed" });
    });
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
      const next = this.#core?.nextDeadline();
      if (next !== undefined && this.#clock.until(next) <= HAIR_MS) this.#handle({ type: "time-passed" });
      else this.#arm();
    });
  }
}
