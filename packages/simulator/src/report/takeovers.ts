import type { HostId, PieceSet, Task } from "@darner/domain";
import type { Scheduler } from "@darner/scheduler-core";

/** The scheduler that hosts followed was lost, and another (or the same, begun anew) took its place. */
export type Takeover = {
  readonly lostAtMs: number;
  /** After so long the one that most hosts then followed knew every piece that they held when the other was lost; infinite: never. */
  readonly knewAfterMs: number;
};

/** A host, as far as it is looked at what it holds. */
export interface HoldingHost {
  readonly id: HostId;
  readonly isAlive: boolean;
  /** What is on its disk now. */
  holdings(): readonly { readonly task: Task; readonly have: PieceSet }[];
}

/** A scheduler, as far as what it knows is looked at. */
export type KnowingScheduler = { readonly core: Scheduler | undefined; readonly followers: number };

/** Whose knowledge of whom is looked at, and when it is now. */
export type TakeoverDeps = {
  readonly now: () => number;
  readonly hosts: () => Iterable<HoldingHost>;
  readonly schedulers: () => readonly KnowingScheduler[];
};

type Held = { readonly host: HoldingHost; readonly task: Task; readonly have: PieceSet };
type Open = { readonly lostAtMs: number; readonly held: readonly Held[]; readonly unknown: Map<Scheduler, Held[]> };

/** Measures how soon the next scheduler knows what the swarm holds: looks into its core, at what was on the hosts' disks. */
export class Takeovers {
  readonly #deps: TakeoverDeps;
  readonly #over: Takeover[] = [];
  // One for each scheduler fault of the scenario.
  #open: Open[] = [];

  constructor(deps: TakeoverDeps) {
    this.#deps = deps;
  }

  /** A scheduler is lost now. One that nobody followed is not missed. */
  begin(lost: KnowingScheduler): void {
    if (lost.followers === 0) return;
    const held: Held[] = [];
    for (const host of this.#deps.hosts()) {
      if (!host.isAlive) continue;
      for (const { task, have } of host.holdings()) held.push({ host, task, have });
    }
    this.#open.push({ lostAtMs: this.#deps.now(), held, unknown: new Map() });
  }

  /** Something was said to a scheduler: perhaps one knows all now. */
  look(): void {
    if (this.#open.length === 0) return;
    this.#open = this.#open.filter((open) => {
      if (!this.#deps.schedulers().some((scheduler) => this.#knowsAll(open, scheduler))) return true;
      this.#over.push({ lostAtMs: open.lostAtMs, knewAfterMs: this.#deps.now() - open.lostAtMs });
      return false;
    });
  }

  /** All of the run so far. */
  get all(): readonly Takeover[] {
    return [...this.#over, ...this.#open.map(({ lostAtMs }) => ({ lostAtMs, knewAfterMs: Infinity }))];
  }

  #knowsAll({ held, unknown }: Open, { core, followers }: KnowingScheduler): boolean {
    if (core === undefined || followers * 2 <= this.#alive()) return false;
    const left = unknown.get(core) ?? [...held];
    unknown.set(core, left);
    for (let next = left.at(-1); next !== undefined; next = left.at(-1)) {
      if (next.host.isAlive && !knows(core, next.host.id, next)) return false;
      left.pop();
    }
    return true;
  }

  #alive(): number {
    let count = 0;
    for (const { isAlive } of this.#deps.hosts()) if (isAlive) count += 1;
    return count;
  }
}

function knows(core: Scheduler, host: HostId, { task, have }: Held): boolean {
  const known = core.have(host, task);
  if (known === undefined) return false;
  for (const piece of have) if (!known.has(piece)) return false;
  return true;
}
