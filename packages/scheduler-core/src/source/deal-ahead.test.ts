import assert from "node:assert/strict";
import { test } from "node:test";
import { MANY_WAITING, piecesAhead, stripeWithin } from "./deal-ahead.ts";

const PIECES = 256;

test("in the beginning nothing is dealt but a stripe for each connection: nobody knows how fast who reads", () => {
  for (const waiting of [8, MANY_WAITING]) assert.equal(piecesAhead({ pieces: PIECES, cold: PIECES, owed: 0, least: 4, waiting }), 4);
});

test("as much as was read is dealt among few, three times as much among many, not counting what is still owed", () => {
  assert.equal(piecesAhead({ pieces: PIECES, cold: PIECES - 10, owed: 2, least: 4, waiting: MANY_WAITING - 1 }), 8);
  assert.equal(piecesAhead({ pieces: PIECES, cold: PIECES - 10, owed: 2, least: 4, waiting: MANY_WAITING }), 24);
});

test("of few pieces no more than was read is dealt, however many wait", () => {
  assert.equal(piecesAhead({ pieces: 63, cold: 51, owed: 2, least: 4, waiting: MANY_WAITING }), 10);
});

test("half of what is cold is kept back; among many no longer when it is a sixteenth of the blob", () => {
  assert.equal(piecesAhead({ pieces: PIECES, cold: 100, owed: 0, least: 4, waiting: MANY_WAITING }), 50);
  assert.equal(piecesAhead({ pieces: PIECES, cold: 16, owed: 0, least: 4, waiting: MANY_WAITING }), 16);
  assert.equal(piecesAhead({ pieces: PIECES, cold: 16, owed: 0, least: 4, waiting: MANY_WAITING - 1 }), 8);
});

test("of what is dealt to many at once a stripe is an eighth at least, among few as long as its reader's others", () => {
  assert.equal(stripeWithin(96, MANY_WAITING, 2), 12);
  assert.equal(stripeWithin(4, MANY_WAITING, 2), 0);
  assert.equal(stripeWithin(96, MANY_WAITING - 1, 2), 0);
});

test("where readers have many connections each of them has two stripes of it", () => {
  assert.equal(stripeWithin(96, MANY_WAITING, 16), 3);
});

test("256 pieces are dealt to many in eight messages, to few in twelve", () => {
  assert.deepEqual(dealsTo(MANY_WAITING), [4, 12, 48, 96, 48, 24, 12, 12]);
  assert.equal(dealsTo(8).length, 12);
});

function dealsTo(waiting: number): number[] {
  const deals: number[] = [];
  for (let cold = PIECES; cold > 0;) {
    const ahead = Math.min(cold, piecesAhead({ pieces: PIECES, cold, owed: 0, least: 4, waiting }));
    deals.push(ahead);
    cold -= ahead;
  }
  return deals;
}
