import { MAX_SCHEDULERS, type HostStanding, type SchedulerCount, type SwarmStanding } from "@darner/domain";

/** What can happen to the count. `Who` names a host with a session here. */
export type StandingEvent<Who> =
  /** A host says how the schedulers stand with it. */
  | { readonly type: "word-given"; readonly from: Who; readonly word: HostStanding }
  /** Its session is over. */
  | { readonly type: "session-over"; readonly from: Who }
  /** The deadline that `nextDeadline` named has come. */
  | { readonly type: "time-passed" };

/** What the count wants done. */
export type StandingEffect<Who> =
  /** Tell these hosts how the schedulers stand with all. */
  | { readonly type: "tell-standing"; readonly to: readonly Who[]; readonly standing: SwarmStanding }
  /** Hosts come from another scheduler: for so long they are waited for; 0: all are there. */
  | { readonly type: "hosts-moving"; readonly forMs: number };

// Hosts that lose a scheduler together say so within some milliseconds of each other; many words become one.
const TELL_MS = 200;
// Hosts that lost the same scheduler are here within milliseconds where its connections ended. Their readers have what is under way meanwhile.
const MOVING_MS = 1000;
// Every daemon has found a scheduler that is back within so long: it tries at most 0.75 s apart, and a machine that has just lost a process is busy.
// Below the two seconds after which a peer that hears nothing helps itself.
const YOUNG_MS = 1500;
const NOTHING = { reached: 0, active: 0, losses: 0 };

/**
 * What the hosts with a session here say of the schedulers: which answer them, and which one they follow. Counted, and told to all of them
 * whenever their order changed: with it all hosts decide alike (`SchedulerChoice` in peer-core).
 */
export class StandingBook<Who> {
  // One entry a session; bounded by the hosts a scheduler takes.
  readonly #words = new Map<Who, HostStanding>();
  // Those that came since it was last told; bounded as the words are.
  readonly #untold = new Set<Who>();
  #tellAt: number | undefined;
  #firstWordAt: number | undefined;
  #movingUntil = 0;
  #toldKey = "";
  readonly #expected: () => number;

  /** `expected`: how many hosts may come to a scheduler that has just begun; infinite where nobody knows. */
  constructor(expected: () => number = () => Infinity) {
    this.#expected = expected;
  }

  handle(event: StandingEvent<Who>, now: number): StandingEffect<Who>[] {
    switch (event.type) {
      case "word-given":
        return this.#note(event.from, event.word, now);
      case "session-over":
        this.#untold.delete(event.from);
        if (this.#words.delete(event.from)) this.#tellAt ??= now + TELL_MS;
        return [];
      case "time-passed":
        return this.#tellAt !== undefined && this.#tellAt <= now ? this.#tell() : [];
    }
  }

  nextDeadline(): number | undefined {
    return this.#tellAt;
  }

  /** Whether hosts have sessions here and none of them follows this scheduler. */
  get isStandby(): boolean {
    return this.#words.size > 0 && this.followers === 0;
  }

  /** Hosts that follow this scheduler. */
  get followers(): number {
    let count = 0;
    for (const { isHere } of this.#words.values()) if (isHere) count += 1;
    return count;
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

  #note(from: Who, word: HostStanding, now: number): StandingEffect<Who>[] {
    this.#firstWordAt ??= now;
    if (!this.#words.has(from)) this.#untold.add(from);
    this.#words.set(from, word);
    this.#tellAt ??= now + TELL_MS;
    const effects: StandingEffect<Who>[] = [];
    const waitsUntil = word.isMoving && word.isHere && now >= this.#movingUntil ? this.#waitsUntil(now) : 0;
    if (waitsUntil > now) {
      this.#movingUntil = waitsUntil;
      effects.push({ type: "hosts-moving", forMs: waitsUntil - now });
    }
    if (now < this.#movingUntil && this.#areAllHere(now)) {
      this.#movingUntil = 0;
      effects.push({ type: "hosts-moving", forMs: 0 });
    }
    return effects;
  }

  /** The first of several that come: where most are here already, the others are stragglers and nobody waits for them. */
  #waitsUntil(now: number): number {
    if (this.#isYoung(now)) return (this.#firstWordAt ?? now) + YOUNG_MS;
    return this.followers * 2 <= this.#words.size + 1 ? now + MOVING_MS : 0;
  }

  /** A scheduler that has just begun knows at most how many are yet to come. */
  #areAllHere(now: number): boolean {
    return this.followers === this.#words.size && (!this.#isYoung(now) || this.followers >= this.#expected());
  }

  #isYoung(now: number): boolean {
    return now - (this.#firstWordAt ?? now) < YOUNG_MS;
  }

  /** Hosts that come and go change the numbers and not what follows from them: then nothing is said. */
  #tell(): StandingEffect<Who>[] {
    this.#tellAt = undefined;
    const standing = this.counts();
    const key = keyOf(standing);
    const to = key === this.#toldKey ? [...this.#untold] : [...this.#words.keys()];
    this.#toldKey = key;
    this.#untold.clear();
    return to.length === 0 ? [] : [{ type: "tell-standing", to, standing }];
  }
}

function keyOf({ hosts, schedulers }: SwarmStanding): string {
  const ranks = [...new Set(schedulers.map(({ reached }) => reached))].toSorted((left, right) => right - left);
  const parts = schedulers.map(({ address, reached, active, losses }: SchedulerCount) =>
    [address, ranks.indexOf(reached), active === 0 ? 0 : active * 2 > hosts ? 2 : 1, losses].join(),
  );
  return parts.join(" ");
}
