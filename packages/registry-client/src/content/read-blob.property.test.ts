import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { RegistryError } from "@darner/registry-client";
import { noLeaks, randomBlob, type FaultAction } from "@darner/testkit";
import { openBench, read, type Bench } from "../../test/setup.ts";

let bench: Bench;
before(async () => {
  bench = await openBench();
});
after(() => bench[Symbol.asyncDispose]());
noLeaks();

const fault: fc.Arbitrary<FaultAction> = fc.oneof(
  fc.nat(200_000).map((afterBytes): FaultAction => ({ kind: "cut", afterBytes })),
  fc.constantFrom<FaultAction>({ kind: "ignore-range" }, { kind: "chunked" }, { kind: "gzip" }, { kind: "html" }),
  fc
    .constantFrom(400, 401, 404, 416, 429, 500, 503)
    .map((status): FaultAction => ({ kind: "status", status, headers: { "retry-after": "0" } })),
  fc.integer({ min: 1, max: 100_000 }).map((bytes): FaultAction => ({ kind: "short-part", bytes })),
  fc.constantFrom("first" as const, "second" as const).map((to): FaultAction => ({ kind: "redirect", to })),
  fc.string().map((text): FaultAction => ({ kind: "content-range", value: `bytes ${text.replace(/[^\x20-\x7e]/g, "")}` })),
);
const asked = fc
  .integer({ min: 1, max: 200_000 })
  .chain((size) => fc.tuple(fc.nat(size), fc.nat(size)).map(([a, b]) => ({ size, start: Math.min(a, b), end: Math.max(a, b) })));
const strikes = fc.array(fc.record({ do: fault, skip: fc.nat(2), times: fc.integer({ min: 1, max: 3 }) }), { maxLength: 3 });

test("whatever goes wrong, what is delivered is right: all of it, or a beginning of it and a RegistryError", async () => {
  await fc.assert(
    fc.asyncProperty(asked, strikes, async ({ size, start, end }, faults) => {
      const blob = randomBlob(size, size);
      bench.registry.content.pushBlob("team/app", blob.bytes);
      bench.registry.clearFaults();
      for (const each of faults) bench.registry.fault({ when: { kind: "blob" }, ...each });
      try {
        const bytes = await read(bench, blob, { range: { start, end } });
        assert.equal(Buffer.compare(bytes, blob.bytes.subarray(start, end)), 0);
      } catch (error) {
        assert.ok(error instanceof RegistryError && faults.length > 0, String(error));
      }
    }),
    { numRuns: 200 },
  );
});

test("with one cut or shorter part on the way every read ends well", async () => {
  const passing = fc.oneof(
    fc.nat(200_000).map((afterBytes): FaultAction => ({ kind: "cut", afterBytes })),
    fc.integer({ min: 1, max: 100_000 }).map((bytes): FaultAction => ({ kind: "short-part", bytes })),
    fc.constantFrom<FaultAction>({ kind: "chunked" }, { kind: "status", status: 500 }, { kind: "redirect", to: "second" }),
  );
  await fc.assert(
    fc.asyncProperty(asked, passing, async ({ size, start, end }, action) => {
      const blob = randomBlob(size, size);
      bench.registry.content.pushBlob("team/app", blob.bytes);
      bench.registry.clearFaults();
      bench.registry.fault({ when: { kind: "blob" }, times: 1, do: action });
      const bytes = await read(bench, blob, { range: { start, end } });
      assert.equal(Buffer.compare(bytes, blob.bytes.subarray(start, end)), 0);
    }),
    { numRuns: 200 },
  );
});
