import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostStanding, SwarmStanding } from "@darner/protocol";
import { noLeaks, StoppedClock } from "@darner/testkit";
import { StandingBook } from "./standing-book.ts";

noLeaks();

class Host {
  readonly told: SwarmStanding[] = [];
  tellStanding(standing: SwarmStanding): void {
    this.told.push(standing);
  }
}

function word(answering: string, active: string, more: Partial<HostStanding> = {}): HostStanding {
  const schedulers = ["a", "b", "c"].map((address) => ({ address, answers: answering.includes(address), losses: 0 }));
  return { schedulers, active, isHere: active === "b", isMoving: false, ...more };
}

function openBook(): { readonly book: StandingBook; readonly clock: StoppedClock; readonly moves: number[] } {
  const [clock, moves] = [new StoppedClock(), [] as number[]];
  const book = new StandingBook({ timers: clock, onMoving: (forMs) => moves.push(forMs) });
  return { book, clock, moves };
}

test("hosts are told whom the others reach, and again only when what follows from it changed", () => {
  const { book, clock } = openBook();
  const hosts = Array.from({ length: 4 }, () => new Host());
  for (const [at, host] of hosts.entries()) book.note(host, word(at < 2 ? "abc" : "bc", at < 2 ? "a" : "b"));
  clock.advance(1000);
  const told = hosts.map(({ told }) => told.map(({ schedulers }) => schedulers.map(({ reached, active }) => [reached, active])));
  const rows = [
    [2, 2],
    [4, 2],
    [4, 0],
  ];
  assert.deepEqual(told, [[rows], [rows], [rows], [rows]]);
  const late = new Host();
  book.note(late, word("abc", "a"));
  book.forget(hosts[0] ?? assert.fail());
  clock.advance(1000);
  assert.deepEqual([late.told.length, hosts[1]?.told.length], [1, 1]);
  book[Symbol.dispose]();
});

test("a scheduler that nobody follows is a standby and knows who is active", () => {
  const { book } = openBook();
  assert.deepEqual([book.isStandby, book.activeAddress], [false, undefined]);
  const host = new Host();
  book.note(host, word("abc", "a"));
  assert.deepEqual([book.isStandby, book.followers, book.activeAddress], [true, 0, "a"]);
  book.note(host, word("bc", "b"));
  assert.deepEqual([book.isStandby, book.followers, book.activeAddress], [false, 1, "b"]);
  book[Symbol.dispose]();
});

test("hosts that come from another scheduler are waited for until all are here, a second at most, and stragglers not at all", () => {
  const { book, clock, moves } = openBook();
  const hosts = Array.from({ length: 4 }, () => new Host());
  for (const host of hosts) book.note(host, word("abc", "a"));
  clock.advance(5000);
  for (const host of hosts) book.note(host, word("bc", "b", { isMoving: true }));
  assert.deepEqual(moves, [1000, 0]);
  book.note(hosts[0] ?? assert.fail(), word("bc", "b", { isMoving: true }));
  assert.deepEqual(moves, [1000, 0]);
  book[Symbol.dispose]();
});

test("a scheduler that has just begun waits the whole second: it does not know who is yet to come", () => {
  const { book, moves } = openBook();
  book.note(new Host(), word("b", "b", { isMoving: true }));
  book.note(new Host(), word("b", "b", { isMoving: true }));
  assert.deepEqual(moves, [1000]);
  book[Symbol.dispose]();
});
