import { MAX_SCHEDULERS, type HostStanding, type SchedulerCount, type SwarmStanding } from "@darner/protocol";
import type { Timers } from "@darner/runtime";

/** Who says how the schedulers stand with it, and is told how they stand with all. */
export interface StandingListener {
  tellStanding(standing: SwarmStanding): void;
}

/** What the book works with. */
export type StandingDeps = {
  readonly timers: Timers;
  /** Hosts come from another scheduler: for so long they are waited for; 0: all are there. */
  readonly onMoving: (forMs: number) => void;
};

// Hosts that lose a scheduler together say so within some milliseconds of each other; many words become one.
const TELL_MS = 200;
// Hosts that lost the same scheduler are here within milliseconds where its connections ended. Their readers have what is under way meanwhile.
const MOVING_MS = 1000;
// Every daemon has found a scheduler that is back within so long.
const YOUNG_MS = 3000;
const NOTHING = { reached: 0, active: 0, losses: 0 };

/**
 * What the hosts with a session here say of the schedulers: which answer them, and which one they follow. Counted, and told to all of them
 * whenever their order changed: with it all hosts decide alike (`daemon/src/scheduler-link/choose-scheduler.ts`).
 */
export class StandingBook implements Disposable {
  readonly #deps: StandingDeps;
  // One entry a session; bounded by the hosts a scheduler takes.
  readonly #words = new Map<StandingListener, HostStanding>();
  #cancelTimer: (() => void) | undefined;
  // Those that came since it was last told; bounded as the words are.
  readonly #untold = new Set<StandingListener>();
  #firstWordAt: number | undefined;
  #movingUntil = 0;
  #toldKey = "";

  constructor(deps: StandingDeps) {
    this.#deps = deps;
  }

  /** A host says how the schedulers stand with it. */
  note(from: StandingListener, word: HostStanding): void {
    this.#firstWordAt ??= this.#deps.timers.now();
    if (!this.#words.has(from)) this.#untold.add(from);
    this.#words.set(from, word);
    if (word.isMoving && word.isHere) this.#moving();
    if (this.#isMoving && this.#areAllHere()) this.#moved();
    this.#tellSoon();
  }

  /** Its session is over. */
  forget(from: StandingListener): void {
    this.#untold.delete(from);
    if (this.#words.delete(from)) this.#tellSoon();
  }

  /** Whether hosts have sessions here and none of them follows this scheduler. */
  get isStandby(): boolean {
    const words = [...this.#words.values()];
    return words.length > 0 && !words.some(({ isHere }) => isHere);
  }

  /** Hosts that follow this scheduler. */
  get followers(): number {
    let count = 0;
    for (const { isHere } of this.#words.values()) if (isHere) count += 1;
    return count;
  }

  /** The scheduler that most hosts follow, as they address it. */
  get activeAddress(): string | undefined {
    const [most] = this.counts().schedulers.toSorted((left, right) => right.active - left.active);
    return most === undefined || most.active === 0 ? undefined : most.address;
  }

  /** How the schedulers stand with the hosts that have sessions here. */
  counts(): SwarmStanding {
    const rows = new Map<string, { reached: number; active: number; losses: number }>();
    for (const { schedulers, active } of this.#words.values()) {
      for (const { address, answers, losses } of schedulers) {
        const row = rows.get(address) ?? { ...NOTHING };
        if (rows.size >= MAX_SCHEDULERS && !rows.has(address)) continue;
        rows.set(address, row);
        if (answers) row.reached += 1;
        if (address === active) row.active += 1;
        row.losses = Math.max(row.losses, losses);
      }
    }
    return { hosts: this.#words.size, schedulers: [...rows].map(([address, row]) => ({ address, ...row })) };
  }

  [Symbol.dispose](): void {
    this.#cancelTimer?.();
    this.#words.clear();
  }

  get #isMoving(): boolean {
    return this.#deps.timers.now() < this.#movingUntil;
  }

  /** The first of several that come: where most are here already, the others are stragglers and nobody waits for them. */
  #moving(): void {
    if (this.#isMoving || this.followers * 2 > this.#words.size + 1) return;
    this.#movingUntil = this.#deps.timers.now() + MOVING_MS;
    this.#deps.onMoving(MOVING_MS);
  }

  #moved(): void {
    this.#movingUntil = 0;
    this.#deps.onMoving(0);
  }

  /** A scheduler that has just begun does not know who is yet to come. */
  #areAllHere(): boolean {
    const isYoung = this.#deps.timers.now() - (this.#firstWordAt ?? 0) < YOUNG_MS;
    return !isYoung && this.followers === this.#words.size;
  }

  #tellSoon(): void {
    this.#cancelTimer ??= this.#deps.timers.setTimeout(() => {
      this.#cancelTimer = undefined;
      this.#tell();
    }, TELL_MS);
  }

  /** Hosts that come and go change the numbers and not what follows from them: then nothing is said. */
  #tell(): void {
    const standing = this.counts();
    const key = keyOf(standing);
    const toTell = key === this.#toldKey ? [...this.#untold] : [...this.#words.keys()];
    this.#toldKey = key;
    this.#untold.clear();
    for (const host of toTell) host.tellStanding(standing);
  }
}

function keyOf({ hosts, schedulers }: SwarmStanding): string {
  const ranks = [...new Set(schedulers.map(({ reached }) => reached))].toSorted((left, right) => right - left);
  const parts = schedulers.map(({ address, reached, active, losses }: SchedulerCount) =>
    [address, ranks.indexOf(reached), active === 0 ? 0 : active * 2 > hosts ? 2 : 1, losses].join(),
  );
  return parts.join(" ");
}
