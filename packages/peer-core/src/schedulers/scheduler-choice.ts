import type { HostStanding, SwarmStanding } from "@darner/domain";

/** Why this host follows another scheduler than before. */
export type MoveReason =
  /** It followed none. */
  | "found"
  /** The one before does not answer any more. */
  | "lost"
  /** It answers more hosts than the one before. */
  | "reach"
  /** Most hosts follow it. */
  | "majority"
  /** It is named earlier, and has been steady for a while. */
  | "order";

/** What was decided: the address of the scheduler to follow, and when to look again though nothing happens. */
export type Choice = { readonly active: string | undefined; readonly reason: MoveReason; readonly lookAgainAt: number | undefined };

type Row = { readonly address: string; answers: boolean; tried: boolean; readonly lostAt: number[] };
type Better = { readonly row: Row; readonly reason: MoveReason; readonly since: number };

// At the start a scheduler that is named earlier and takes its time is waited for: hosts that begin together begin with the same one.
const FIRST_MS = 1000;
// A host that starts anew reaches one scheduler a little before the other: so long is no split.
const REACH_MS = 3000;
// Hosts that move together do so within some hundred milliseconds of each other: who is among the first does not turn back at once.
const MAJORITY_MS = 2000;
// A scheduler that has been back for so long is likely to stay; twice as long for each further time it was lost lately.
const STEADY_MS = 10_000;
// Ten minutes and six times: at the most 320 s.
const LATELY_MS = 600_000;
const MAX_LOSSES = 6;

/**
 * Which of several schedulers this host follows. Every host decides for itself, and by what the schedulers tell all of them alike.
 *
 *     the one followed is lost    at once the best of those that answer
 *     reach(other) > reach        for REACH_MS: the other; it ends every split in which some scheduler answers all
 *     reach equal, most hosts follow the other    for MAJORITY_MS: the other
 *     reach equal, the other is named earlier     for STEADY_MS · 2^(losses - 1): the other
 *     best = most reach, then followed by most hosts, then named first
 */
export class SchedulerChoice {
  readonly #rows: readonly Row[];
  readonly #told = new Map<string, SwarmStanding>();
  #active: Row | undefined;
  #better: Better | undefined;
  #begunAt: number | undefined;
  #hadActive = false;

  constructor(addresses: readonly string[]) {
    this.#rows = addresses.map((address) => ({ address, answers: false, tried: false, lostAt: [] }));
  }

  /** A session with it stands. */
  stood(address: string, now: number): void {
    const row = this.#row(address);
    if (row === undefined) return;
    Object.assign(row, { answers: true, tried: true });
    this.#begunAt ??= now;
  }

  /** It does not answer; where it did before, it is lost. */
  missed(address: string, now: number): void {
    const row = this.#row(address);
    if (row === undefined) return;
    if (row.answers) row.lostAt.push(now);
    row.lostAt.splice(0, row.lostAt.length - MAX_LOSSES);
    Object.assign(row, { answers: false, tried: true });
    this.#told.delete(address);
  }

  /** What a scheduler that answers tells of all of them. */
  heard(address: string, standing: SwarmStanding): void {
    this.#told.delete(address);
    if (this.#row(address)?.answers === true) this.#told.set(address, standing);
  }

  /** Which one to follow now. */
  decide(now: number): Choice {
    const before = this.#active;
    if (before?.answers !== true) {
      this.#active = undefined;
      this.#better = undefined;
      const waitsUntil = this.#waitsUntil(now);
      if (waitsUntil !== undefined) return { active: undefined, reason: "found", lookAgainAt: waitsUntil };
      return this.#follow(this.#best(), before === undefined ? "found" : "lost");
    }
    const better = this.#betterThan(before, now);
    if (better === undefined || better.row !== this.#better?.row || better.reason !== this.#better.reason) this.#better = better;
    if (this.#better === undefined) return { active: before.address, reason: "found", lookAgainAt: undefined };
    const due = this.#better.since + this.#patience(this.#better, now);
    if (now < due) return { active: before.address, reason: "found", lookAgainAt: due };
    return this.#follow(this.#better.row, this.#better.reason);
  }

  /** How the schedulers stand with this host, for the schedulers. */
  standing(now: number): HostStanding["schedulers"] {
    return this.#rows.map((row) => ({ address: row.address, answers: row.answers, losses: lossesOf(row, now) }));
  }

  /** Whether hosts follow different schedulers, as far as is known here. */
  get isSplit(): boolean {
    return (this.#picture()?.schedulers.filter(({ active }) => active > 0).length ?? 0) > 1;
  }

  /** How many hosts a scheduler answers, of how many; undefined where nobody told. */
  reachOf(address: string): { readonly reached: number; readonly hosts: number } | undefined {
    const picture = this.#picture();
    const reached = picture?.schedulers.find((row) => row.address === address)?.reached;
    return picture === undefined || reached === undefined ? undefined : { reached, hosts: picture.hosts };
  }

  #row(address: string): Row | undefined {
    return this.#rows.find((row) => row.address === address);
  }

  #follow(row: Row | undefined, reason: MoveReason): Choice {
    this.#active = row;
    this.#better = undefined;
    if (row !== undefined) this.#hadActive = true;
    return { active: row?.address, reason, lookAgainAt: undefined };
  }

  /** At the start: until those named before the first that answers were tried. */
  #waitsUntil(now: number): number | undefined {
    if (this.#hadActive || this.#begunAt === undefined) return undefined;
    const first = this.#rows.findIndex(({ answers }) => answers);
    const until = this.#begunAt + FIRST_MS;
    return first >= 0 && now < until && this.#rows.slice(0, first).some(({ tried }) => !tried) ? until : undefined;
  }

  #best(): Row | undefined {
    let best: Row | undefined;
    for (const row of this.#rows) if (row.answers && (best === undefined || this.#rank(row) > this.#rank(best))) best = row;
    return best;
  }

  #betterThan(active: Row, now: number): Better | undefined {
    for (const reason of ["reach", "majority", "order"] as const) {
      for (const row of this.#rows) {
        if (row === active || !row.answers || !this.#isBetter(row, active, reason)) continue;
        return { row, reason, since: now };
      }
    }
    return undefined;
  }

  #isBetter(row: Row, active: Row, reason: "reach" | "majority" | "order"): boolean {
    const [mine, others] = [this.#reached(active), this.#reached(row)];
    if (reason === "reach") return others > mine && row === this.#best();
    if (others < mine) return false;
    if (reason === "majority") return this.#isMajority(row);
    return this.#rows.indexOf(row) < this.#rows.indexOf(active);
  }

  #patience({ row, reason }: Better, now: number): number {
    if (reason === "reach") return REACH_MS;
    if (reason === "majority") return MAJORITY_MS;
    const told = this.#picture()?.schedulers.find(({ address }) => address === row.address)?.losses ?? 0;
    const losses = Math.min(MAX_LOSSES, Math.max(1, told, lossesOf(row, now)));
    return STEADY_MS * 2 ** (losses - 1);
  }

  #rank(row: Row): number {
    return 2 * this.#reached(row) + Number(this.#isMajority(row));
  }

  #reached(row: Row): number {
    return this.#picture()?.schedulers.find(({ address }) => address === row.address)?.reached ?? 0;
  }

  #isMajority(row: Row): boolean {
    const picture = this.#picture();
    const active = picture?.schedulers.find(({ address }) => address === row.address)?.active ?? 0;
    return picture !== undefined && active * 2 > picture.hosts;
  }

  /** What the scheduler with the most hosts tells: it is one count, so that no host is in one number and not in the other. */
  #picture(): SwarmStanding | undefined {
    let largest: SwarmStanding | undefined;
    // Of two as large the later one: a scheduler may not have noticed yet that a host cannot be reached.
    for (const standing of this.#told.values()) if (largest === undefined || standing.hosts >= largest.hosts) largest = standing;
    return largest;
  }
}

function lossesOf({ lostAt }: Row, now: number): number {
  return lostAt.filter((at) => now - at < LATELY_MS).length;
}
