import assert from "node:assert/strict";
import { test } from "node:test";
import { noLeaks } from "@darner/testkit";
import { PacketRest } from "./packet-rest.ts";

noLeaks();

/** A link of one rate, in a time of its own: packets come one a turn, and what a rest gathers comes in the turn after it. */
class Link {
  now = 0;
  rests: number[] = [];
  turns = 0;
  /** How much longer than asked for a rest takes. */
  lateMs = 0;
  readonly #callbacks: (() => void)[] = [];
  readonly rest = new PacketRest({
    now: () => this.now,
    afterTurn: (callback) => this.#callbacks.push(callback),
    sleep: (ms) => {
      this.rests.push(ms);
      this.now += ms + this.lateMs;
    },
  });

  /** Lets packets of `packetBytes` come at `bytesPerMs` until `endMs`; `givenOn` bytes leave in each turn. */
  run(packetBytes: number, bytesPerMs: number, endMs: number, givenOn = 0): void {
    let arrived = this.now * bytesPerMs;
    while (this.now < endMs) {
      if (this.now * bytesPerMs - arrived < packetBytes) this.now = (arrived + packetBytes) / bytesPerMs;
      const bytes = Math.floor((this.now * bytesPerMs - arrived) / packetBytes + 1e-9) * packetBytes;
      arrived += bytes;
      this.turns += 1;
      this.rest.came(bytes);
      this.rest.left(givenOn);
      for (const callback of this.#callbacks.splice(0)) callback();
    }
  }
}

test("a steady slow link is read a few times for many packets", () => {
  const link = new Link();
  link.run(1500, 12_500, 1000);
  // 8333 packets came; two milliseconds hold seventeen of them.
  assert.ok(link.turns < 1100, `${String(link.turns)} turns`);
  assert.ok(link.rests.every((ms) => ms === 2));
});

test("what lasts no longer than a moment is never made to wait", () => {
  const link = new Link();
  link.run(1500, 12_500, 45);
  assert.deepEqual(link.rests, []);
});

test("packets that come one by one, with nothing behind them, are taken at once", () => {
  const link = new Link();
  link.run(1500, 125, 2000);
  assert.deepEqual(link.rests, []);
});

test("a fast link is never made to wait", () => {
  const link = new Link();
  link.run(9000, 1_250_000, 300);
  assert.deepEqual(link.rests, []);
});

test("a turn in which bytes were given on is followed by the next one at once", () => {
  const link = new Link();
  link.run(1500, 12_500, 300, 256 * 1024);
  assert.deepEqual(link.rests, []);
});

test("after a pause the rate has to show itself again", () => {
  const link = new Link();
  link.run(1500, 12_500, 200);
  assert.ok(link.rests.length > 0);
  link.now += 10_000;
  link.rests = [];
  link.run(1500, 12_500, link.now + 40);
  assert.deepEqual(link.rests, []);
});

test("where others want the processor nothing rests for a second", () => {
  const link = new Link();
  link.lateMs = 10;
  link.run(1500, 12_500, 2900);
  assert.equal(link.rests.length, 3);
});
