import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostStanding, SwarmStanding } from "@darner/domain";
import { StandingBook, type StandingEvent } from "./standing-book.ts";

function word(answering: string, active: string, more: Partial<HostStanding> = {}): HostStanding {
  const schedulers = ["a", "b", "c"].map((address) => ({ address, answers: answering.includes(address), losses: 0 }));
  return { schedulers, active, isHere: active === "b", isMoving: false, ...more };
}

/** The book of scheduler b, what it told each host, and for how long it waited for hosts that move. */
class Desk {
  readonly book: StandingBook<number>;
  readonly told = new Map<number, SwarmStanding[]>();
  readonly moves: number[] = [];
  #now = 0;

  constructor(expected = Infinity) {
    this.book = new StandingBook<number>(() => expected);
  }

  say(from: number, said: HostStanding): void {
    this.#handle({ type: "word-given", from, word: said });
  }

  leave(from: number): void {
    this.#handle({ type: "session-over", from });
  }

  advance(ms: number): void {
    this.#now += ms;
    if ((this.book.nextDeadline() ?? Infinity) <= this.#now) this.#handle({ type: "time-passed" });
  }

  #handle(event: StandingEvent<number>): void {
    for (const effect of this.book.handle(event, this.#now)) {
      if (effect.type === "hosts-moving") this.moves.push(effect.forMs);
      else for (const host of effect.to) this.told.set(host, [...(this.told.get(host) ?? []), effect.standing]);
    }
  }
}

test("hosts are told whom the others reach, and again only when what follows from it changed", () => {
  const desk = new Desk();
  for (const host of [0, 1, 2, 3]) desk.say(host, word(host < 2 ? "abc" : "bc", host < 2 ? "a" : "b"));
  desk.advance(199);
  assert.equal(desk.told.size, 0);
  desk.advance(1);
  const rows = [
    [2, 2],
    [4, 2],
    [4, 0],
  ];
  for (const host of [0, 1, 2, 3]) {
    const told = desk.told.get(host)?.map(({ schedulers }) => schedulers.map(({ reached, active }) => [reached, active]));
    assert.deepEqual(told, [rows]);
  }
  desk.say(4, word("abc", "a"));
  desk.leave(0);
  desk.advance(1000);
  assert.deepEqual([desk.told.get(4)?.length, desk.told.get(1)?.length], [1, 1]);
});

test("a scheduler that nobody follows is a standby", () => {
  const desk = new Desk();
  const { book } = desk;
  assert.deepEqual([book.isStandby, book.followers], [false, 0]);
  desk.say(0, word("abc", "a"));
  assert.deepEqual([book.isStandby, book.followers], [true, 0]);
  desk.say(0, word("bc", "b"));
  assert.deepEqual([book.isStandby, book.followers], [false, 1]);
});

test("hosts that come from another scheduler are waited for until all are here, a second at most, and stragglers not at all", () => {
  const desk = new Desk();
  const hosts = [0, 1, 2, 3];
  for (const host of hosts) desk.say(host, word("abc", "a"));
  desk.advance(5000);
  for (const host of hosts) desk.say(host, word("bc", "b", { isMoving: true }));
  assert.deepEqual(desk.moves, [1000, 0]);
  desk.say(0, word("bc", "b", { isMoving: true }));
  assert.deepEqual(desk.moves, [1000, 0]);
});

test("a scheduler that has just begun waits a second and a half from the first word on: it does not know who is yet to come", () => {
  const desk = new Desk();
  desk.say(0, word("b", "b"));
  desk.advance(300);
  desk.say(1, word("b", "b", { isMoving: true }));
  desk.say(2, word("b", "b", { isMoving: true }));
  assert.deepEqual(desk.moves, [1200]);
  desk.advance(1200);
  desk.say(3, word("b", "b", { isMoving: true }));
  assert.deepEqual(desk.moves, [1200], "a straggler");
});

test("where it is known how many hosts may come, nobody is waited for when they are all there", () => {
  const desk = new Desk(3);
  for (const host of [0, 1, 2]) desk.say(host, word("b", "b", { isMoving: true }));
  assert.deepEqual(desk.moves, [1500, 0]);
});

test("hosts that followed no scheduler before are not waited for", () => {
  const desk = new Desk();
  for (const host of [0, 1, 2]) desk.say(host, word("b", "b"));
  assert.deepEqual(desk.moves, []);
});
