import type { HostId } from "@darner/domain";
import type { Hello, HostMessage, PublicFact } from "@darner/protocol";
import { Mailbox, type Core, type Logger, type Timers } from "@darner/runtime";
import { StandingBook, type SchedulerEffect, type SchedulerEvent, type StandingEffect, type StandingEvent } from "@darner/scheduler-core";
import { announcedEvent, joinedEvent, wiredEvent } from "./events.ts";
import type { Session, SessionEnd, SessionListener } from "./grpc/session.ts";
import { joinedReports } from "./joined-reports.ts";
import { recordStep, type SchedulerMetrics } from "./metrics.ts";
import { hasteOf, isForMany, orderOf } from "./orders.ts";
import type { PublicFacts } from "./public-facts.ts";
import { RefusalLog } from "./refusal-log.ts";

/** What a matchmaker works with. */
export type MatchmakerDeps = {
  readonly core: Core<SchedulerEvent, SchedulerEffect>;
  readonly timers: Timers;
  readonly log: Logger;
  readonly metrics: SchedulerMetrics;
  /** How many hosts may come back to this scheduler when it has just begun; infinite where nobody knows. */
  readonly expectedHosts?: () => number;
  /** As many hosts as the core takes. */
  readonly maxHosts: number;
  readonly name: string;
  readonly version: string;
  readonly publicFacts: PublicFacts;
};

/** Stands between the sessions and the core: what daemons say becomes events, what the core wants becomes orders. */
export class Matchmaker implements SessionListener, Disposable {
  readonly #deps: MatchmakerDeps;
  readonly #refusals: RefusalLog;
  readonly #mailbox: Mailbox<SchedulerEvent, SchedulerEffect>;
  // One entry a connected host, at most `maxHosts`.
  readonly #sessions = new Map<HostId, Session>();
  /** How the schedulers of this cluster stand with the hosts. */
  readonly standing: StandingBook<Session>;
  readonly #standings: Mailbox<StandingEvent<Session>, StandingEffect<Session>>;

  constructor(deps: MatchmakerDeps) {
    this.#deps = deps;
    this.standing = new StandingBook<Session>(deps.expectedHosts);
    this.#refusals = new RefusalLog(deps.log, deps.timers);
    this.#mailbox = new Mailbox(deps.core, deps.timers, { type: "time-passed" }, (effects, event) => {
      this.#perform(effects, event);
    });
    this.#standings = new Mailbox(this.standing, deps.timers, { type: "time-passed" }, (effects) => {
      for (const effect of effects) this.#tellStanding(effect);
    });
  }

  onHello(session: Session, hello: Hello): void {
    const { log, maxHosts, name, version } = this.#deps;
    const replaced = this.#sessions.get(hello.host);
    if (replaced !== undefined) this.#replace(hello.host, replaced);
    if (this.#sessions.size >= maxHosts) {
      session.end("full", `this scheduler has as many hosts as it may: ${String(maxHosts)}`);
      return;
    }
    this.#sessions.set(hello.host, session);
    session.welcome(name, version);
    session.tellPublic(this.#deps.publicFacts.all());
    log.info("host joined", { host: hello.host, hostName: hello.name, address: hello.address, zone: hello.zone });
    this.#mailbox.post(joinedEvent(hello));
  }

  onMessage(session: Session, message: HostMessage): void {
    const host = session.host;
    if (host === undefined || this.#sessions.get(host) !== session) return;
    if (message.standing !== undefined) this.#standings.post({ type: "word-given", from: session, word: message.standing });
    for (const fact of message.publicFacts ?? []) this.#notePublic(session, fact);
    for (const task of message.dropped) this.#mailbox.post({ type: "blob-dropped", host, task });
    for (const holding of message.holdings) this.#mailbox.post(announcedEvent(host, holding));
    for (const report of joinedReports(message.reports)) this.#mailbox.post(wiredEvent(host, report));
  }

  onSlowed(session: Session): void {
    this.#deps.metrics.sessionsSlowed.inc();
    this.#refusals.warn("host says more than it may, it is read more slowly", "flood", { host: session.host, seenAt: session.seenAt });
  }

  onRefused(session: Session, end: SessionEnd, details: string): void {
    this.#deps.metrics.sessionsRefused.inc({ reason: end });
    this.#refusals.warn("session ended", end, { host: session.host, seenAt: session.seenAt, details });
  }

  onEnd(session: Session): void {
    this.#standings.post({ type: "session-over", from: session });
    const host = session.host;
    if (host === undefined || this.#sessions.get(host) !== session) return;
    this.#sessions.delete(host);
    this.#deps.log.info("host lost", { host });
    this.#mailbox.post({ type: "host-lost", host });
  }

  [Symbol.dispose](): void {
    this.#standings[Symbol.dispose]();
    this.#mailbox[Symbol.dispose]();
  }

  #tellStanding(effect: StandingEffect<Session>): void {
    if (effect.type === "tell-standing") {
      for (const session of effect.to) session.tellStanding(effect.standing);
      return;
    }
    const { forMs } = effect;
    this.#deps.log.info(forMs > 0 ? "hosts come from another scheduler" : "all hosts are here");
    this.#mailbox.post({ type: "hosts-moving", forMs });
  }

  /** What one host heard from a registry, the others need not ask. */
  #notePublic(from: Session, fact: PublicFact): void {
    if (!this.#deps.publicFacts.note(fact)) return;
    for (const session of this.#sessions.values()) if (session !== from) session.tellPublic([fact]);
  }

  /** The host came back before its old session was known to be over. */
  #replace(host: HostId, session: Session): void {
    this.#sessions.delete(host);
    this.#mailbox.post({ type: "host-lost", host });
    session.end("replaced", "the host began a newer session");
  }

  #nameFault({ host, task, fault, registry, blocked }: Extract<SchedulerEffect, { type: "name-fault" }>): void {
    this.#deps.log.warn("wrong word or wrong bytes", { host, task: task.digest, fault, registry, blocked });
  }

  #perform(effects: readonly SchedulerEffect[], event: SchedulerEvent): void {
    recordStep(this.#deps.metrics, event, effects);
    for (const effect of effects) if (effect.type === "name-fault") this.#nameFault(effect);
    const isDeal = isForMany(effects);
    for (const effect of effects)
      this.#sessions.get(effect.host)?.order({ task: effect.task, order: orderOf(effect) }, hasteOf(effect, isDeal));
  }
}
