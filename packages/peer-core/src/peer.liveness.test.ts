import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ModelWorld, type World } from "../test/model-world.ts";
import { propertySeed } from "../test/property-seed.ts";

const PIECES = 40;

const share = fc.constantFrom(0, 0.1, 0.3, 0.6);
const reader = fc
  .record({
    at: fc.integer({ min: 0, max: 4000 }),
    first: fc.integer({ min: 0, max: PIECES - 1 }),
    count: fc.integer({ min: 1, max: PIECES }),
    leaves: fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined }),
  })
  .map(({ at, first, count, leaves }) => ({ at, next: first, end: Math.min(PIECES, first + count), leaves }));
const patientReader = { at: 0, next: 0, end: PIECES, leaves: undefined };

const faultyWorld: fc.Arbitrary<World> = fc.record({
  seed: fc.integer(),
  pieces: fc.constant(PIECES),
  access: fc.constantFrom("caller" as const, "own" as const, "none" as const),
  withoutRanges: fc.boolean(),
  priority: fc.constantFrom("reader" as const, "reader" as const, "preheat" as const),
  scheduler: fc.boolean(),
  turns: fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 4 }),
  schedulerDeaf: fc.constantFrom(0, 0, 0.3, 1),
  sourceShare: share,
  sourceBreaks: share,
  sourceLies: fc.constantFrom(0, 0, 0.05),
  parentBreaks: share,
  parentLies: share,
  readers: fc.array(reader, { maxLength: 4 }),
});

describe("a peer in a faulty world", () => {
  it("always comes to an end, and what it completes is right", () => {
    let complete = 0;
    const runs = 400;
    fc.assert(
      fc.property(faultyWorld, (world) => {
        const model = new ModelWorld(world);
        const outcome = model.run();
        assert.ok(outcome.ended, `still there after an hour or too many steps: ${JSON.stringify(outcome)}\n${model.trail}`);
        if (outcome.complete) assert.ok(outcome.right, "completed with wrong bytes");
        if (outcome.complete) complete += 1;
      }),
      { seed: propertySeed(), numRuns: runs },
    );
    console.log(`${String(complete)} of ${String(runs)} completed`);
    assert.ok(complete > runs / 5);
  });

  it("completes without failing a reader while the source can be read, whatever scheduler and parents do", () => {
    const reachable = faultyWorld.map((world): World => ({
      ...world,
      access: world.access === "none" ? "own" : world.access,
      sourceBreaks: 0,
      sourceLies: 0,
      readers: [patientReader, ...world.readers],
    }));
    let slowest = 0;
    fc.assert(
      fc.property(reachable, (world) => {
        const model = new ModelWorld(world);
        const outcome = model.run();
        assert.deepEqual(
          { ...outcome, at: 0 },
          { ended: true, complete: true, right: true, failed: [], at: 0 },
          `${JSON.stringify(outcome)}\n${model.trail}`,
        );
        slowest = Math.max(slowest, outcome.at);
      }),
      { seed: propertySeed(), numRuns: 400 },
    );
    console.log(`the slowest took ${String(slowest)} ms of virtual time`);
  });

  it("completes after a source that lied once, through the failed proof", () => {
    const world = faultyWorld.map((any): World => ({
      ...any,
      access: "own",
      priority: "preheat",
      schedulerDeaf: 0,
      turns: [],
      sourceShare: 1,
      sourceBreaks: 0,
      sourceLies: 0.5,
      readers: [],
    }));
    fc.assert(
      fc.property(world, (lying) => {
        const outcome = new ModelWorld(lying).run();
        assert.ok(outcome.complete && outcome.right, JSON.stringify(outcome));
      }),
      { seed: propertySeed(), numRuns: 100 },
    );
  });
});
