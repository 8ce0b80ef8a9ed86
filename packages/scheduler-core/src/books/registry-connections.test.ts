import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { learnConnections, newConnections, noteRefusal, type RegistryConnections } from "./registry-connections.ts";

suite("how many connections a reader keeps to its registry", () => {
  test("where each connection is limited, two trials find the eight that fill the link", () => {
    const connections = newConnections();
    const at = play(connections, 0, 3000, (each) => Math.min(8, each));
    assert.equal(connections.each, 8);
    assert.ok(at <= 3000);
  });

  test("where one fills the link the trial is taken back, and not made again for half a minute", () => {
    const connections = newConnections();
    play(connections, 0, 2000, () => 8);
    assert.equal(connections.each, 1);
    play(connections, 2000, 29_000, () => 8);
    assert.equal(connections.each, 1);
  });

  test("no more than the registry may bear", () => {
    const connections = newConnections();
    play(connections, 0, 5000, (each) => each, 3);
    assert.equal(connections.each, 3);
  });

  test("nothing is tried for a blob that is over soon", () => {
    const connections = newConnections();
    play(connections, 0, 3000, (each) => each, 8, 100_000);
    assert.equal(connections.each, 1);
  });

  test("a read that the registry let down takes back what was tried, or half of what worked", () => {
    const connections = newConnections();
    play(connections, 0, 700, (each) => each);
    assert.equal(connections.each, 4);
    noteRefusal(connections, 700);
    assert.equal(connections.each, 1);
    connections.each = 8;
    noteRefusal(connections, 700);
    assert.equal(connections.each, 4);
  });
});

/** Pieces come at a rate, in pieces per 50 ms, that depends on the connections. */
function play(connections: RegistryConnections, from: number, to: number, rate: (each: number) => number, most = 8, left = 1e9): number {
  let now = from;
  for (; now < to; now += 50)
    for (let piece = 0; piece < rate(connections.each); piece++) learnConnections(connections, 1000, left, most, now);
  return now;
}
