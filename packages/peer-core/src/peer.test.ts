import { hostIdOf, PieceSet } from "@darner/domain";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DEFAULT_LIMITS, Peer, type PeerEffect, type PeerEvent, type PeerLimits } from "./index.ts";
import { hashOf, taskOf } from "../test/peer-bench.ts";
import { propertySeed } from "../test/property-seed.ts";

const PIECES = 24;
// So small that random events reach every bound.
const TIGHT: PeerLimits = {
  ...DEFAULT_LIMITS,
  parentTransfers: 3,
  sourceReads: 2,
  grants: 4,
  readers: 3,
  pendingPieces: 3,
  cancelledTransfers: 2,
};

const whole = fc.integer({ min: -2, max: PIECES + 2 });
const odd = fc.oneof(
  { weight: 9, arbitrary: whole },
  { weight: 1, arbitrary: fc.constantFrom(0.5, Number.NaN, Infinity, -Infinity, 2 ** 53) },
);
const small = fc.integer({ min: 0, max: 6 });
const retryAfterMs = fc.constantFrom(0, 100, 5000, 1e9, Number.NaN, -5);
const hash = fc
  .record({ piece: whole, variant: fc.constantFrom(0, 0, 0, 1) })
  .map(({ piece, variant }) => ({ piece, hash: hashOf(piece, variant) }));
const run = fc.record({ first: odd, stride: fc.oneof(fc.constantFrom(1, 1, 1, 2), odd), count: odd });
const parent = fc.constantFrom("mother", "father").map((name) => ({ host: hostIdOf(name), address: "10.0.0.1:4102" }));
const access = fc.constantFrom("caller" as const, "own" as const, "none" as const);
const sound = fc
  .record({
    first: fc.integer({ min: 0, max: PIECES - 1 }),
    stride: fc.constantFrom(1, 1, 2, 5),
    count: fc.integer({ min: 1, max: PIECES }),
  })
  .map(({ first, stride, count }) => ({ first, stride, count: Math.min(count, Math.floor((PIECES - 1 - first) / stride) + 1) }));
const failure = fc.oneof(
  fc
    .constantFrom("channel-lost", "parent-silent", "parent-refused", "source-refused", "source-without-range")
    .map((code) => ({ code }) as const),
  fc.record({ code: fc.constantFrom("source-unavailable" as const, "source-limited" as const), retryAfterMs }),
);

const anyEvent: fc.Arbitrary<PeerEvent> = fc.oneof(
  fc.record({ type: fc.constant("access-changed" as const), access }),
  fc.constant({ type: "priority-raised" as const }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant("reader-opened" as const), reader: small, next: odd, end: odd }) },
  fc.record({ type: fc.constant("reader-advanced" as const), reader: small, next: odd }),
  fc.record({ type: fc.constant("reader-closed" as const), reader: small }),
  fc.constant({ type: "scheduler-found" as const }),
  fc.constant({ type: "scheduler-lost" as const }),
  { weight: 4, arbitrary: fc.record({ grant: small, run: sound, parent }).map((grant) => ({ type: "grant-received" as const, grant })) },
  { weight: 2, arbitrary: fc.record({ grant: small, run: sound }).map((grant) => ({ type: "grant-received" as const, grant })) },
  { weight: 2, arbitrary: fc.record({ grant: small, run, parent }).map((grant) => ({ type: "grant-received" as const, grant })) },
  fc.record({ type: fc.constant("grant-revoked" as const), grant: small }),
  { weight: 3, arbitrary: fc.record({ type: fc.constant("table-received" as const), hashes: fc.array(hash, { maxLength: 12 }) }) },
  fc.record({
    type: fc.constant("standing-told" as const),
    standing: fc.constantFrom("fed" as const, "starved" as const, "limited" as const),
    retryAfterMs,
  }),
  fc.record({
    type: fc.constant("piece-landed" as const),
    transfer: fc.integer({ min: 0, max: 50 }),
    piece: odd,
    hash: fc.uint8Array({ maxLength: 33 }),
  }),
  fc.record({ type: fc.constant("transfer-ended" as const), transfer: fc.integer({ min: 0, max: 50 }), failure }),
  fc.constantFrom({ type: "restart-ordered" as const }, { type: "proof-failed" as const }, { type: "proof-succeeded" as const }),
  { weight: 2, arbitrary: fc.constant({ type: "time-passed" as const }) },
);

/** Something about one of the last transfers the peer began: its `index`-th piece lands, or it ends. */
const aboutTransfer = fc.record({
  back: fc.integer({ min: 0, max: 4 }),
  index: fc.integer({ min: 0, max: PIECES }),
  variant: fc.constantFrom(0, 0, 0, 0, 0, 1),
  end: fc.constantFrom("no", "no", "no", "no", "well", "badly"),
  failure,
});
const wait = fc.constantFrom(0, 0, 0, 0, 0, 1, 49, 300, 2000, 3000);
const step = fc.oneof(fc.record({ event: anyEvent, wait }), fc.record({ about: aboutTransfer, wait }));
const start = fc.record({
  access,
  sequential: fc.boolean(),
  priority: fc.constantFrom("reader" as const, "preheat" as const),
  schedulerLive: fc.boolean(),
  held: fc.uniqueArray(fc.integer({ min: 0, max: PIECES - 1 })),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;
type Start = typeof start extends fc.Arbitrary<infer Value> ? Value : never;
type Begun = Extract<PeerEffect, { type: "fetch-pieces" | "read-source" }>;

function eventOf(step: Step, begun: readonly Begun[]): PeerEvent {
  if ("event" in step) return step.event;
  const { back, index, variant, end, failure } = step.about;
  const about = begun.at(-1 - back);
  if (about === undefined) return { type: "time-passed" };
  const { transfer, run } = about;
  if (end !== "no") return end === "well" ? { type: "transfer-ended", transfer } : { type: "transfer-ended", transfer, failure };
  const piece = run.first + (index % run.count) * run.stride;
  return { type: "piece-landed", transfer, piece, hash: hashOf(piece, variant) };
}

/** Lives a random life and returns everything the peer did. */
function live({ held, ...started }: Start, steps: readonly Step[]): PeerEffect[] {
  const have = new PieceSet(PIECES);
  for (const piece of held) have.add(piece);
  const peer = new Peer(TIGHT, () => 0.25);
  const trace = peer.handle({ type: "peer-started", task: taskOf(PIECES), registry: "docker.io", have, ...started }, 0);
  const begun: Begun[] = [];
  let now = 0;
  for (const step of steps) {
    now += step.wait;
    const effects = peer.handle(eventOf(step, begun), now);
    peer.checkInvariants();
    const deadline = peer.nextDeadline();
    assert.ok(deadline === undefined || deadline > now);
    for (const effect of effects) if (effect.type === "fetch-pieces" || effect.type === "read-source") begun.push(effect);
    trace.push(...effects);
  }
  return trace;
}

describe("a peer that hears anything", () => {
  it("never throws, keeps its invariants, looks only ahead and does the same twice", () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(start, fc.array(step, { minLength: 60, maxLength: 160, size: "max" }), (started, steps) => {
        const trace = live(started, steps);
        assert.equal(JSON.stringify(live(started, steps)), JSON.stringify(trace));
        for (const { type } of trace) seen.set(type, (seen.get(type) ?? 0) + 1);
      }),
      { seed: propertySeed(), numRuns: 600 },
    );
    for (const type of ["accept-pieces", "refuse-piece", "cancel-transfer", "fail-readers", "drop-blob", "end-peer"]) {
      assert.ok((seen.get(type) ?? 0) > 50, `${type} was hardly seen: ${String(seen.get(type))}`);
    }
  });
});

describe("a peer's life", () => {
  it("begins with peer-started and hears nothing before", () => {
    const peer = new Peer(DEFAULT_LIMITS, () => 0);
    assert.deepEqual(peer.handle({ type: "scheduler-found" }, 0), []);
    assert.equal(peer.snapshot().phase, "unborn");
    assert.equal(peer.nextDeadline(), undefined);
    peer.checkInvariants();
  });
});
