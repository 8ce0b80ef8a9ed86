import type { HostId } from "@darner/domain";
import type { Hello, HostMessage } from "@darner/protocol";
import { Mailbox, type Logger, type Timers } from "@darner/runtime";
import { Scheduler, type SchedulerEffect, type SchedulerEvent } from "@darner/scheduler-core";
import { announcedEvent, joinedEvent, reportedEvent } from "./events.ts";
import type { Session, SessionListener } from "./grpc/session.ts";
import { recordStep, type SchedulerMetrics } from "./metrics.ts";
import { orderOf } from "./orders.ts";

/** What a matchmaker works with. */
export type MatchmakerDeps = {
  readonly core: Scheduler;
  readonly timers: Timers;
  readonly log: Logger;
  readonly metrics: SchedulerMetrics;
  /** As many hosts as the core takes. */
  readonly maxHosts: number;
  readonly name: string;
  readonly version: string;
};

/** Stands between the sessions and the core: what daemons say becomes events, what the core wants becomes orders. */
export class Matchmaker implements SessionListener, Disposable {
  readonly #deps: MatchmakerDeps;
  readonly #mailbox: Mailbox<SchedulerEvent, SchedulerEffect>;
  // One entry a connected host, at most `maxHosts`.
  readonly #sessions = new Map<HostId, Session>();

  constructor(deps: MatchmakerDeps) {
    this.#deps = deps;
    this.#mailbox = new Mailbox(deps.core, deps.timers, { type: "time-passed" }, (effects, event) => {
      this.#perform(effects, event);
    });
  }

  onHello(session: Session, hello: Hello): void {
    const { log, maxHosts, name, version } = this.#deps;
    const replaced = this.#sessions.get(hello.host);
    if (replaced !== undefined) this.#replace(hello.host, replaced);
    if (this.#sessions.size >= maxHosts) {
      log.warn("host turned away", { host: hello.host, hosts: this.#sessions.size });
      session.end("full");
      return;
    }
    this.#sessions.set(hello.host, session);
    session.welcome(name, version);
    log.info("host joined", { host: hello.host, hostName: hello.name, address: hello.address, zone: hello.zone });
    this.#mailbox.post(joinedEvent(hello));
  }

  onMessage(session: Session, message: HostMessage): void {
    const host = session.host;
    if (host === undefined || this.#sessions.get(host) !== session) return;
    for (const task of message.dropped) this.#mailbox.post({ type: "blob-dropped", host, task });
    for (const holding of message.holdings) this.#mailbox.post(announcedEvent(host, holding));
    for (const report of message.reports) this.#mailbox.post(reportedEvent(host, report));
  }

  onEnd(session: Session): void {
    const host = session.host;
    if (host === undefined || this.#sessions.get(host) !== session) return;
    this.#sessions.delete(host);
    this.#deps.log.info("host lost", { host });
    this.#mailbox.post({ type: "host-lost", host });
  }

  [Symbol.dispose](): void {
    this.#mailbox[Symbol.dispose]();
  }

  /** The host came back before its old session was known to be over. */
  #replace(host: HostId, session: Session): void {
    this.#sessions.delete(host);
    this.#mailbox.post({ type: "host-lost", host });
    session.end("replaced");
  }

  #perform(effects: readonly SchedulerEffect[], event: SchedulerEvent): void {
    recordStep(this.#deps.metrics, event, effects);
    for (const effect of effects) this.#sessions.get(effect.host)?.order({ task: effect.task, order: orderOf(effect) });
  }
}
