import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TimeQueue } from "./time-queue.ts";

test("what is taken out is the first by its instant, on a tie by when it was added, whatever is added meanwhile", () => {
  const moves = fc.array(fc.oneof(fc.nat(20), fc.constant("take" as const)), { maxLength: 500 });
  fc.assert(
    fc.property(moves, (made) => {
      const queue = new TimeQueue<number>();
      const expected: { readonly at: number; readonly number: number }[] = [];
      for (const [number, move] of made.entries()) {
        if (move === "take") {
          assert.equal(queue.take(), expected.shift()?.number);
        } else {
          queue.add(move, number);
          const after = expected.findIndex(({ at }) => at > move);
          expected.splice(after < 0 ? expected.length : after, 0, { at: move, number });
        }
        assert.deepEqual([queue.size, queue.firstAt, queue.first], [expected.length, expected[0]?.at ?? Infinity, expected[0]?.number]);
      }
    }),
  );
});
