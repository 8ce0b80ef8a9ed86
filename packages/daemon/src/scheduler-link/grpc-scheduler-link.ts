import { taskId, type Task, type TaskId } from "@darner/domain";
import { SchedulerChoice, type MoveReason } from "@darner/peer-core";
import type { Hello, Holding, HostReport, PublicFact, SchedulerMessage, WarmReport } from "@darner/protocol";
import type { Logger, Timers } from "@darner/runtime";
import type { SchedulerJoin } from "./scheduler-join.ts";
import type { FactBook, SchedulerLink, SchedulerListener, SchedulerRow, SchedulerStanding, WarmListener } from "./scheduler-link.ts";
import { SchedulerSession, type Refusal, type SessionListener } from "./scheduler-session.ts";

/** What a link works with. */
export type SchedulerLinkDeps = {
  readonly listener: SchedulerListener;
  readonly facts: FactBook;
  readonly warming: WarmListener;
  readonly timers: Timers;
  /** Spreads the return of many hosts to one scheduler: a number in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** A scheduler was there and was not, or did not let this host be, of use: for the metrics. */
  readonly onRefused?: (reason: Refusal) => void;
  /** Another scheduler is followed from now on: for the metrics. */
  readonly onMoved?: (reason: MoveReason) => void;
};

/** Where the schedulers are, in order, and what this host says first; without `join` sessions are plain and nothing is shown. */
export type SchedulerLinkConfig = { readonly schedulers: readonly string[]; readonly hello: Hello; readonly join?: SchedulerJoin };

// A host that starts reaches all schedulers within milliseconds of each other: one word for all, and only what lasts is said.
const WORD_MS = 200;

/**
 * Keeps a session with each scheduler of the configuration and follows one: its peers open there, its grants count. The others,
 * the standbys, hear what this host holds, so that whichever is followed next knows.
 */
export class GrpcSchedulerLink implements SchedulerLink, SessionListener {
  readonly #deps: SchedulerLinkDeps;
  readonly #sessions: readonly SchedulerSession[];
  readonly #choice: SchedulerChoice;
  #active: SchedulerSession | undefined;
  #activeSince = 0;
  // Tasks with a peer that is open at the active scheduler; as many as there are peers.
  readonly #open = new Map<TaskId, Task>();
  #cancelLook: (() => void) | undefined;
  #cancelWord: (() => void) | undefined;
  #isSplit = false;
  /** Whether a scheduler was followed before; since when none is. */
  #hasFollowed = false;
  #lostAt: number | undefined;
  #closed = false;

  constructor({ schedulers, hello, join }: SchedulerLinkConfig, deps: SchedulerLinkDeps) {
    this.#deps = deps;
    const addresses = [...new Set(schedulers)];
    const { timers, random, log } = deps;
    this.#choice = new SchedulerChoice(addresses);
    this.#sessions = addresses.map((address) => new SchedulerSession({ address, hello, join }, { listener: this, timers, random, log }));
  }

  /** Begins to look for schedulers. */
  start(): void {
    for (const session of this.#sessions) session.connect();
  }

  get scheduler(): string | undefined {
    return this.#active?.scheduler;
  }

  get lostForMs(): number | undefined {
    return this.#lostAt === undefined ? undefined : this.#deps.timers.now() - this.#lostAt;
  }

  get isSplit(): boolean {
    return this.#isSplit;
  }

  get standing(): SchedulerStanding {
    return {
      forMs: this.#active === undefined ? 0 : this.#deps.timers.now() - this.#activeSince,
      rows: this.#sessions.map((session) => this.#rowOf(session)),
    };
  }

  report(task: Task, report: HostReport): void {
    const active = this.#active;
    if (active === undefined) return;
    active.say((outbox) => {
      outbox.report(task, report);
    });
    if (report.type === "open") this.#open.set(taskId(task), task);
    if (report.type === "close") this.#open.delete(taskId(task));
    if (report.type === "close" || report.type === "proven") this.#tellStandbys(task);
  }

  announce(holding: Holding): void {
    for (const session of this.#sessions) {
      session.say((outbox) => {
        outbox.announce(holding);
      });
    }
  }

  dropped(task: Task): void {
    for (const session of this.#sessions) {
      session.say((outbox) => {
        outbox.dropped(task);
      });
    }
  }

  tellPublic(fact: PublicFact): void {
    this.#active?.say((outbox) => {
      outbox.publicFact(fact);
    });
  }

  tellWarmed(report: WarmReport): void {
    for (const session of this.#sessions) {
      session.say((outbox) => {
        outbox.warmed(report);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#cancelLook?.();
    this.#cancelWord?.();
    await Promise.all(this.#sessions.map((session) => session.close()));
    this.#active = undefined;
  }

  onStood(session: SchedulerSession): void {
    session.say((outbox) => {
      for (const holding of this.#deps.listener.holdings()) outbox.announce(holding);
      for (const fact of this.#deps.facts.found()) outbox.publicFact(fact);
    });
    this.#choice.stood(session.address, this.#deps.timers.now());
    this.#wordSoon();
    this.#decide();
  }

  onMessage(session: SchedulerSession, message: SchedulerMessage): void {
    for (const fact of message.publicFacts ?? []) this.#deps.facts.learn(fact);
    // A scheduler that is not followed may not know it yet: what it grants is granted by another, too.
    if (session === this.#active) for (const { task, order } of message.orders) this.#deps.listener.onOrder(task, order);
    // A job belongs to the scheduler that took it, active or not.
    for (const job of message.released ?? []) this.#deps.warming.onReleased(job);
    for (const order of message.warm ?? []) this.#deps.warming.onWarm(order);
    if (message.standing === undefined) return;
    this.#choice.heard(session.address, message.standing);
    this.#isSplit = this.#choice.isSplit;
    this.#decide();
  }

  onMissed(session: SchedulerSession): void {
    if (this.#closed) return;
    this.#choice.missed(session.address, this.#deps.timers.now());
    this.#wordSoon();
    this.#decide();
  }

  onRefused(reason: Refusal): void {
    this.#deps.onRefused?.(reason);
  }

  #decide(): void {
    const { timers } = this.#deps;
    const { active, reason, lookAgainAt } = this.#choice.decide(timers.now());
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    if (lookAgainAt !== undefined) {
      this.#cancelLook = timers.setTimeout(
        () => {
          this.#decide();
        },
        Math.max(1, lookAgainAt - timers.now()),
      );
    }
    const next = this.#sessions.find(({ address }) => address === active);
    if (next !== this.#active) this.#follow(next, reason);
  }

  #follow(next: SchedulerSession | undefined, reason: MoveReason): void {
    const { listener, log, timers, onMoved } = this.#deps;
    const before = this.#active;
    const open = [...this.#open.values()];
    this.#active = next;
    this.#activeSince = timers.now();
    if (next === undefined) {
      this.#lostAt = timers.now();
      this.#wordSoon();
      listener.onLost();
      this.#deps.warming.onLost();
      return;
    }
    this.#lostAt = undefined;
    log.info("scheduler followed", { scheduler: next.scheduler, address: next.address, reason, before: before?.address });
    onMoved?.(reason);
    this.#word(this.#hasFollowed);
    this.#hasFollowed = true;
    this.#open.clear();
    listener.onFound();
    for (const task of open) this.#leave(before, task);
  }

  /** What a peer holds stays known to the scheduler it leaves; what it would have been granted there goes to others. */
  #leave(before: SchedulerSession | undefined, task: Task): void {
    const holding = this.#deps.listener.holdingOf(task);
    before?.say((outbox) => {
      outbox.report(task, { type: "close" });
      if (holding !== undefined) outbox.announce(holding);
    });
  }

  /** A blob that is complete, or that nobody wants on, is told to those that heard nothing of it while it was on its way. */
  #tellStandbys(task: Task): void {
    const standbys = this.#sessions.filter((session) => session !== this.#active && session.scheduler !== undefined);
    const holding = standbys.length === 0 ? undefined : this.#deps.listener.holdingOf(task);
    if (holding === undefined) return;
    for (const session of standbys) {
      session.say((outbox) => {
        outbox.announce(holding);
      });
    }
  }

  #wordSoon(): void {
    this.#cancelWord ??= this.#deps.timers.setTimeout(() => {
      this.#word(false);
    }, WORD_MS);
  }

  /** Tells every scheduler how all of them stand with this host. */
  #word(isMoving: boolean): void {
    this.#cancelWord?.();
    this.#cancelWord = undefined;
    const schedulers = this.#choice.standing(this.#deps.timers.now());
    const active = this.#active?.address ?? "";
    for (const session of this.#sessions) {
      const isHere = session === this.#active;
      session.say((outbox) => {
        outbox.standing({ schedulers, active, isHere, isMoving: isMoving && isHere });
      });
    }
  }

  #rowOf(session: SchedulerSession): SchedulerRow {
    const { address, scheduler } = session;
    const state = scheduler === undefined ? "absent" : session === this.#active ? "active" : "standby";
    return { address, name: scheduler ?? null, state, reach: this.#choice.reachOf(address) ?? null };
  }
}
