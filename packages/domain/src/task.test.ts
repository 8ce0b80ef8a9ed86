import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseTask, taskId } from "./task.ts";

const TIB = 1024 ** 4;
const digest = `sha256:${"0".repeat(64)}`;

test("two tasks have the same key exactly when digest and size are the same", () => {
  const task = fc.record({ digest: fc.constantFrom(digest, `sha256:${"1".repeat(64)}`), size: fc.integer({ min: 0, max: 3 }) });
  fc.assert(
    fc.property(task, task, (left, right) => {
      const [one, other] = [parseTask(left.digest, left.size), parseTask(right.digest, right.size)];
      assert.ok(one !== undefined && other !== undefined);
      assert.equal(taskId(one) === taskId(other), left.digest === right.digest && left.size === right.size);
    }),
  );
});

test("every byte count up to 16 TiB is a size", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 16 * TIB }), (size) => parseTask(digest, size)?.size === size));
});

test("a size that is no byte count, or one that no registry has, is refused", () => {
  for (const size of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 16 * TIB + 1, 2 ** 53])
    assert.equal(parseTask(digest, size), undefined, String(size));
});

test("a digest that this build cannot verify is no task", () => {
  for (const text of ["", "latest", `sha256:${"0".repeat(63)}`, `blake3:${"0".repeat(64)}`])
    assert.equal(parseTask(text, 1), undefined, text);
  assert.ok(parseTask(`sha512:${"0".repeat(128)}`, 1));
});
