import type { HostStanding, SwarmStanding, TaskId } from "@darner/domain";
import { SchedulerChoice } from "@darner/peer-core";
import type { SchedulerEvent } from "@darner/scheduler-core";
import type { Dice } from "../engine/random.ts";
import type { Timeline } from "../engine/timeline.ts";
import type { HostInWorld, SchedulerInWorld } from "../world.ts";

/** What a link needs of the daemon it belongs to. */
export interface LinkedHost extends HostInWorld {
  /** A host's first word in a session. */
  greeting(): SchedulerEvent;
  /** What it holds of one blob; undefined where that is nothing. */
  holdingOf(task: TaskId): SchedulerEvent | undefined;
  /** That nobody here wants a blob any more. */
  closing(task: TaskId): SchedulerEvent;
  /** A scheduler is followed from now on, perhaps another one than before. */
  schedulerFound(): void;
  /** No scheduler answers. */
  schedulerLost(): void;
}

/** What a link works with. */
export type LinkDeps = {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly schedulers: readonly SchedulerInWorld[];
  readonly host: LinkedHost;
};

type Line = {
  readonly scheduler: SchedulerInWorld;
  stands: boolean;
  stoodAt: number;
  settledUntil: number;
  retryMs: number;
  isTrying: boolean;
};

// As the daemon's sessions have them (daemon/src/scheduler-link/scheduler-session.ts).
const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 2000;
const MAX_SOON_RETRY_MS = 500;
const SOON_MS = 10_000;
const SETTLED_MS = 1000;
// A scheduler that cannot be reached is given up after so long; one whose process is gone refuses at once.
const UNREACHED_MS = 2000;
// One word for what changes together.
const WORD_MS = 200;

/** The daemon's link in virtual time: a session with each scheduler, one of which is followed, as the real choice decides. */
export class SchedulerLink {
  readonly #deps: LinkDeps;
  readonly #choice: SchedulerChoice;
  readonly #lines: readonly Line[];
  /** Tasks with a peer that is open at the scheduler that is followed. */
  readonly #open = new Set<TaskId>();
  #active: SchedulerInWorld | undefined;
  #lookAt = Infinity;
  #wordAt = Infinity;
  #isOver = false;
  /** Whether a scheduler was followed before; since when none is. */
  #hasFollowed = false;
  #lostAt: number | undefined;

  constructor(deps: LinkDeps) {
    this.#deps = deps;
    this.#choice = new SchedulerChoice(deps.schedulers.map(({ address }) => address));
    const fresh = { stands: false, stoodAt: 0, settledUntil: -Infinity, retryMs: MIN_RETRY_MS, isTrying: false };
    this.#lines = deps.schedulers.map((scheduler) => ({ scheduler, ...fresh }));
  }

  get isLive(): boolean {
    return this.#active !== undefined;
  }

  /** For how long no scheduler has been followed; undefined where one is, or none ever was. */
  get lostForMs(): number | undefined {
    return this.#lostAt === undefined ? undefined : this.#deps.timeline.now - this.#lostAt;
  }

  /** Whether hosts follow different schedulers, as far as is known here. */
  get isSplit(): boolean {
    return this.#choice.isSplit;
  }

  /** Begins to look for schedulers. */
  start(): void {
    for (const line of this.#lines) this.#connect(line);
  }

  /** The process is gone. */
  stop(): void {
    this.#isOver = true;
    this.#active = undefined;
  }

  /** A session ended on the other side, or fell silent. */
  missed(scheduler: SchedulerInWorld): void {
    const line = this.#lines.find((each) => each.scheduler === scheduler);
    if (line?.stands === true && !this.#isOver) this.#miss(line);
  }

  /** What a scheduler tells of all of them. */
  heardStanding(scheduler: SchedulerInWorld, standing: SwarmStanding): void {
    if (this.#isOver) return;
    this.#choice.heard(scheduler.address, standing);
    this.#decide();
  }

  /** A scheduler that is not followed grants what another grants, too: it is not heard. */
  isFollowed(scheduler: SchedulerInWorld): boolean {
    return scheduler === this.#active;
  }

  /** To the scheduler that is followed. */
  report(task: TaskId, event: SchedulerEvent): void {
    const { host } = this.#deps;
    if (this.#active === undefined) return;
    this.#active.tell(host, event);
    if (event.type === "peer-opened") this.#open.add(task);
    if (event.type === "peer-closed") this.#open.delete(task);
    if (event.type === "peer-closed" || event.type === "blob-proven") this.#tellStandbys(task);
  }

  /** To all of them. */
  announce(event: SchedulerEvent): void {
    for (const { scheduler, stands } of this.#lines) if (stands) scheduler.tell(this.#deps.host, event);
  }

  #connect(line: Line): void {
    const { timeline, host } = this.#deps;
    const { scheduler } = line;
    line.isTrying = false;
    if (this.#isOver || line.stands) return;
    if (!scheduler.canReach(host)) {
      line.isTrying = true;
      timeline.after(UNREACHED_MS, () => {
        if (line.isTrying && !this.#isOver) this.#miss(line);
      });
      return;
    }
    if (!scheduler.isLive) {
      this.#miss(line);
      return;
    }
    Object.assign(line, { stands: true, stoodAt: timeline.now });
    scheduler.tell(host, host.greeting());
    for (const holding of host.holdings()) scheduler.tell(host, holding);
    this.#choice.stood(scheduler.address, timeline.now);
    this.#wordSoon();
    this.#decide();
  }

  /** Again after a pause: the shortest after a session that stood for a while, else ever longer ones. */
  #miss(line: Line): void {
    const { timeline, dice } = this.#deps;
    const wasSettled = line.stands && timeline.now - line.stoodAt >= SETTLED_MS;
    if (wasSettled) Object.assign(line, { retryMs: MIN_RETRY_MS, settledUntil: timeline.now });
    line.stands = false;
    line.isTrying = true;
    timeline.after(line.retryMs * (0.5 + dice()), () => {
      if (line.isTrying) this.#connect(line);
    });
    const mostMs = timeline.now - line.settledUntil < SOON_MS ? MAX_SOON_RETRY_MS : MAX_RETRY_MS;
    if (!wasSettled) line.retryMs = Math.min(mostMs, line.retryMs * 2);
    this.#choice.missed(line.scheduler.address, timeline.now);
    this.#wordSoon();
    this.#decide();
  }

  #decide(): void {
    const { timeline, schedulers } = this.#deps;
    const { active, lookAgainAt = Infinity } = this.#choice.decide(timeline.now);
    this.#lookAt = lookAgainAt;
    if (lookAgainAt < Infinity) {
      timeline.after(Math.max(1, lookAgainAt - timeline.now), () => {
        if (this.#lookAt === lookAgainAt && !this.#isOver) this.#decide();
      });
    }
    const next = schedulers.find(({ address }) => address === active);
    if (next !== this.#active) this.#follow(next);
  }

  #follow(next: SchedulerInWorld | undefined): void {
    const { host } = this.#deps;
    const before = this.#active;
    const open = [...this.#open];
    this.#active = next;
    if (next === undefined) {
      this.#lostAt = this.#deps.timeline.now;
      this.#wordSoon();
      host.schedulerLost();
      return;
    }
    this.#lostAt = undefined;
    this.#word(this.#hasFollowed);
    this.#hasFollowed = true;
    this.#open.clear();
    host.schedulerFound();
    for (const task of open) this.#leave(before, task);
  }

  /** What a peer holds stays known to the scheduler it leaves; what it would have been granted there goes to others. */
  #leave(before: SchedulerInWorld | undefined, task: TaskId): void {
    const { host } = this.#deps;
    const line = this.#lines.find(({ scheduler }) => scheduler === before);
    if (before === undefined || line?.stands !== true) return;
    before.tell(host, host.closing(task));
    const holding = host.holdingOf(task);
    if (holding !== undefined) before.tell(host, holding);
  }

  #tellStandbys(task: TaskId): void {
    const standbys = this.#lines.filter(({ scheduler, stands }) => stands && scheduler !== this.#active);
    const holding = standbys.length === 0 ? undefined : this.#deps.host.holdingOf(task);
    if (holding !== undefined) for (const { scheduler } of standbys) scheduler.tell(this.#deps.host, holding);
  }

  #wordSoon(): void {
    if (this.#wordAt < Infinity) return;
    const { timeline } = this.#deps;
    const at = timeline.now + WORD_MS;
    this.#wordAt = at;
    timeline.after(WORD_MS, () => {
      if (this.#wordAt === at && !this.#isOver) this.#word(false);
    });
  }

  /** Tells every scheduler how all of them stand with this host. */
  #word(isMoving: boolean): void {
    const { timeline, host } = this.#deps;
    this.#wordAt = Infinity;
    const schedulers = this.#choice.standing(timeline.now);
    const active = this.#active?.address ?? "";
    for (const { scheduler, stands } of this.#lines) {
      const isHere = scheduler === this.#active;
      const word: HostStanding = { schedulers, active, isHere, isMoving: isMoving && isHere };
      if (stands) scheduler.tellStanding(host, word);
    }
  }
}
