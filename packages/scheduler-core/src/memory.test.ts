import assert from "node:assert/strict";
import { test } from "node:test";
import { measureMemory } from "../test/memory.ts";

// What docs/ARCHITECTURE.md says of a scheduler's memory, with room for other versions of Node and, at so few hosts, for what V8 compiles meanwhile.
test("memory a host, a blob, a holder and a piece stays within what is said of it, and all of it comes back", (context) => {
  const figures = measureMemory(1000);
  context.diagnostic(JSON.stringify(figures));
  const { perHost, perTask, perHolder, perPullingHostAndPiece, left } = figures;
  assert.ok(perHost <= 1024 && perTask <= 7168 && perHolder <= 1024 && perPullingHostAndPiece <= 32, JSON.stringify(figures));
  assert.ok(left <= 2 * 1024 ** 2, `${String(left)} bytes are left`);
});
