import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { eachOf, goBack, isResting, keep, newConnections, noteRefusal } from "./registry-connections.ts";

suite("connections that all readers of a registry share", () => {
  test("what two readers learnt together serves one that comes alone, and eight that come at once", () => {
    const connections = newConnections();
    keep(connections, 5, 2, 300, 0);
    assert.deepEqual(
      [0, 1, 2, 3, 4, 8, 20].map((readers) => eachOf(connections, readers)),
      [8, 8, 5, 4, 3, 2, 1],
    );
  });

  test("what one reader learnt alone is not asked of the registry by each of eight", () => {
    const connections = newConnections();
    keep(connections, 8, 1, 300, 0);
    assert.equal(eachOf(connections, 8), 1);
  });

  test("that one connection each was enough for eight readers says nothing of fewer connections: one reader may try more at once", () => {
    const connections = newConnections();
    goBack(connections, 1, 8, 300, 0);
    assert.equal(isResting(connections, 8, 599_999), true);
    assert.equal(isResting(connections, 9, 599_999), true);
    assert.equal(isResting(connections, 1, 0), false);
    assert.equal(isResting(connections, 8, 600_000), false);
  });

  test("a refusal halves what each reader has, for all readers together", () => {
    const connections = newConnections();
    keep(connections, 5, 2, 300, 0);
    noteRefusal(connections, 2, 0);
    assert.equal(eachOf(connections, 2), 2);
    assert.equal(eachOf(connections, 1), 4);
    assert.equal(isResting(connections, 4, 0), true);
  });
});
