import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { SwarmStanding } from "@darner/domain";
import fc from "fast-check";
import { SchedulerChoice } from "./scheduler-choice.ts";

const NAMES = ["a", "b", "c"];

/** What a scheduler tells, as rows of reached, active and losses. */
function told(hosts: number, ...rows: readonly (readonly [number, number, number?])[]): SwarmStanding {
  return { hosts, schedulers: rows.map(([reached, active, losses = 0], at) => ({ address: NAMES[at] ?? "", reached, active, losses })) };
}

function following(address: string): SchedulerChoice {
  const choice = new SchedulerChoice(NAMES);
  for (const name of NAMES) if (name >= address) choice.stood(name, 0);
  for (const name of NAMES) if (name < address) choice.missed(name, 0);
  assert.equal(choice.decide(0).active, address);
  return choice;
}

suite("which scheduler a host follows", () => {
  test("at first: the first that answers, and those named before it are waited for a second", () => {
    const choice = new SchedulerChoice(NAMES);
    choice.stood("b", 100);
    assert.deepEqual(choice.decide(100), { active: undefined, reason: "found", lookAgainAt: 1100 });
    choice.missed("a", 200);
    assert.equal(choice.decide(200).active, "b");
    const late = new SchedulerChoice(NAMES);
    late.stood("c", 0);
    assert.equal(late.decide(1000).active, "c");
  });

  test("the next one at once where the one followed is lost, none where no other answers", () => {
    const choice = following("a");
    choice.missed("a", 5);
    assert.deepEqual(choice.decide(5), { active: "b", reason: "lost", lookAgainAt: undefined });
    choice.missed("b", 6);
    assert.equal(choice.decide(6).active, "c");
    choice.missed("c", 7);
    assert.equal(choice.decide(7).active, undefined);
  });

  test("the one that answers more hosts, after three seconds", () => {
    const choice = following("a");
    choice.heard("a", told(2, [2, 2], [2, 0], [2, 0]));
    choice.heard("b", told(4, [2, 2], [4, 2], [4, 0]));
    assert.deepEqual(choice.decide(0), { active: "a", reason: "found", lookAgainAt: 3000 });
    choice.heard("b", told(4, [4, 2], [4, 2], [4, 0]));
    assert.equal(choice.decide(2000).lookAgainAt, undefined);
    choice.heard("b", told(4, [2, 2], [4, 2], [4, 0]));
    choice.decide(2500);
    assert.equal(choice.decide(5499).active, "a");
    assert.deepEqual([choice.decide(5500).active, choice.isSplit], ["b", true]);
  });

  test("the one most hosts follow, where all are reached alike", () => {
    const choice = following("a");
    choice.heard("a", told(5, [5, 2], [5, 3], [5, 0]));
    assert.equal(choice.decide(0).lookAgainAt, 2000);
    assert.deepEqual([choice.decide(2000).active], ["b"]);
  });

  test("back to the first when it has been steady for ten seconds, and twice as long for each time it was lost lately", () => {
    for (const [losses, ms] of [
      [1, 10_000],
      [2, 20_000],
      [4, 80_000],
      [60, 320_000],
    ] as const) {
      const choice = following("b");
      choice.stood("a", 1000);
      choice.heard("b", told(4, [4, 0, losses], [4, 4], [4, 0]));
      assert.equal(choice.decide(1000).lookAgainAt, 1000 + ms);
      assert.equal(choice.decide(999 + ms).active, "b");
      assert.deepEqual(choice.decide(1000 + ms).active, "a");
    }
  });

  test("not back to the first while it does not answer everybody", () => {
    const choice = following("b");
    choice.stood("a", 0);
    choice.heard("b", told(4, [3, 0, 1], [4, 4], [4, 0]));
    assert.equal(choice.decide(0).lookAgainAt, undefined);
    assert.equal(choice.decide(1_000_000).active, "b");
  });
});

/** Hosts, whom each of them reaches, and words that take `delayMs`: the schedulers count, the hosts decide. */
class Swarm {
  readonly choices: SchedulerChoice[];
  readonly follows: (string | undefined)[];
  now = 0;
  moves = 0;
  #reach: readonly (readonly string[])[] = [];
  #inFlight: { readonly at: number; readonly host: number; readonly from: string; readonly standing: SwarmStanding }[] = [];

  constructor(hosts: number) {
    this.choices = Array.from({ length: hosts }, () => new SchedulerChoice(NAMES));
    this.follows = this.choices.map(() => undefined);
  }

  reach(reach: readonly (readonly string[])[]): void {
    for (const [host, choice] of this.choices.entries()) {
      for (const name of NAMES) {
        const [was, is] = [this.#reach[host]?.includes(name) === true, reach[host]?.includes(name) === true];
        if (is && !was) choice.stood(name, this.now);
        if (!is && (was || this.#reach.length === 0)) choice.missed(name, this.now);
      }
    }
    this.#reach = reach;
  }

  run(ms: number, delay: (host: number) => number): void {
    for (const until = this.now + ms; this.now < until; this.now += 100) {
      for (const message of this.#inFlight.filter(({ at }) => at <= this.now))
        this.choices[message.host]?.heard(message.from, message.standing);
      this.#inFlight = this.#inFlight.filter(({ at }) => at > this.now);
      for (const [host, choice] of this.choices.entries()) {
        const { active } = choice.decide(this.now);
        if (active !== this.follows[host]) this.moves += 1;
        this.follows[host] = active;
      }
      for (const from of NAMES) this.#tell(from, delay);
    }
  }

  #tell(from: string, delay: (host: number) => number): void {
    const here = [...this.choices.keys()].filter((host) => this.#reach[host]?.includes(from));
    const schedulers = NAMES.map((address, at) => ({
      address,
      reached: here.filter((host) => this.#reach[host]?.includes(address)).length,
      active: here.filter((host) => this.follows[host] === address).length,
      losses: here.reduce((most, host) => Math.max(most, this.choices[host]?.standing(this.now)[at]?.losses ?? 0), 0),
    }));
    for (const host of here) this.#inFlight.push({ at: this.now + delay(host), host, from, standing: { hosts: here.length, schedulers } });
  }
}

test("whoever reaches whom, as long as some scheduler answers everybody all follow the same one within 10 s and stay", () => {
  const whom = fc.subarray(["a", "b"], { minLength: 0 }).map((names) => [...names, "c"]);
  const plan = fc.record({
    hosts: fc.array(whom, { minLength: 2, maxLength: 8 }),
    delays: fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 8, maxLength: 8 }),
  });
  fc.assert(
    fc.property(plan, ({ hosts, delays }) => {
      const swarm = new Swarm(hosts.length);
      const delay = (host: number): number => delays[host] ?? 0;
      swarm.reach(hosts.map(() => NAMES));
      swarm.run(3000, delay);
      assert.deepEqual(new Set(swarm.follows), new Set(["a"]));
      swarm.reach(hosts);
      swarm.run(10_000, delay);
      assert.equal(new Set(swarm.follows).size, 1, swarm.follows.join());
      const { moves } = swarm;
      swarm.run(60_000, delay);
      assert.equal(swarm.moves, moves, "nobody moves on");
    }),
    { numRuns: 60 },
  );
});

test("a first scheduler that comes and goes every quarter of a minute moves the swarm a few times in ten minutes, not forty", () => {
  const swarm = new Swarm(5);
  const all = swarm.choices.map(() => NAMES);
  swarm.reach(all);
  for (let round = 0; round < 20; round++) {
    swarm.run(15_000, (host) => host * 100);
    swarm.reach(all.map(() => ["b", "c"]));
    swarm.run(15_000, (host) => host * 100);
    assert.deepEqual(new Set(swarm.follows), new Set(["b"]));
    swarm.reach(all);
  }
  // Found, lost, returned to after 10 s, lost again; from then on it never stays for long enough.
  assert.ok(swarm.moves <= 5 * 4, String(swarm.moves));
});
