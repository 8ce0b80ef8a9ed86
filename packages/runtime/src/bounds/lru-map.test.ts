import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StoppedClock } from "../stopped-clock.ts";
import { LruMap } from "./lru-map.ts";

test("beyond the bound the least recently used entry goes", () => {
  const evicted: string[] = [];
  const map = new LruMap<string, number>({ maxEntries: 2, onEvict: (key) => evicted.push(key) });
  map.set("a", 1);
  map.set("b", 2);
  assert.equal(map.get("a"), 1);
  map.set("c", 3);
  assert.deepEqual(evicted, ["b"]);
  assert.deepEqual(
    [...map.entries()],
    [
      ["a", 1],
      ["c", 3],
    ],
  );
});

test("peek and has do not make an entry recently used", () => {
  const map = new LruMap<string, number>({ maxEntries: 2 });
  map.set("a", 1);
  map.set("b", 2);
  assert.equal(map.peek("a"), 1);
  assert.equal(map.has("a"), true);
  map.set("c", 3);
  assert.equal(map.has("a"), false);
});

test("an entry is gone at the end of its time, its own or the map's", () => {
  const clock = new StoppedClock();
  const evicted: [string, number][] = [];
  const map = new LruMap<string, number>({ maxEntries: 9, ttlMs: 100, clock, onEvict: (key, value) => evicted.push([key, value]) });
  map.set("a", 1);
  map.set("b", 2, 1000);
  clock.advance(99);
  assert.equal(map.get("a"), 1);
  clock.advance(1);
  assert.equal(map.get("a"), undefined);
  assert.equal(map.get("b"), 2);
  assert.deepEqual(evicted, [["a", 1]]);
  assert.equal(map.size, 1);
});

test("a map of no entries is refused", () => {
  assert.throws(() => new LruMap({ maxEntries: 0 }), RangeError);
  assert.throws(() => new LruMap({ maxEntries: NaN }), RangeError);
});

test("any sequence of calls does what a list in order of use would do", () => {
  const call = fc.record({ op: fc.constantFrom("set", "get", "delete"), key: fc.nat({ max: 6 }), value: fc.nat() });
  fc.assert(
    fc.property(fc.array(call, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (calls, maxEntries) => {
      const map = new LruMap<number, number>({ maxEntries });
      let model: [number, number][] = [];
      for (const { op, key, value } of calls) {
        const found = model.find(([k]) => k === key);
        if (op === "get") assert.equal(map.get(key), found?.[1]);
        if (op === "delete") assert.equal(map.delete(key), found !== undefined);
        if (op === "set") map.set(key, value);
        const entry: [number, number] | undefined = op === "set" ? [key, value] : op === "get" ? found : undefined;
        if (op !== "get" || found !== undefined) model = model.filter(([k]) => k !== key);
        if (entry !== undefined) model = [...model, entry].slice(-maxEntries);
        assert.deepEqual([...map.entries()], model);
      }
    }),
    { numRuns: 300 },
  );
});
