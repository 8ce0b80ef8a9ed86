import assert from "node:assert/strict";
import { test } from "node:test";
import { DarnerError } from "./error.ts";

test("an error carries what happened as data, and what it was caused by", () => {
  const cause = new Error("disk full");
  const error = new DarnerError({ code: "no-room", missingBytes: 5 }, "the store is full", { cause });
  assert.deepEqual(error.detail, { code: "no-room", missingBytes: 5 });
  assert.deepEqual([error.name, error.message, error.cause, error instanceof Error], ["DarnerError", "the store is full", cause, true]);
});
