import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, hostIdOf, pieceCount, PieceSet, type HostId, type PieceHash, type PieceRun, type Task } from "@darner/domain";
import fc from "fast-check";
import type { GrantFailure, SchedulerEvent } from "./event.ts";
import { DEFAULT_LIMITS, type SchedulerLimits } from "./limits.ts";
import { Scheduler } from "./scheduler.ts";

const MIB = 1024 * 1024;
const HOSTS = Array.from({ length: 7 }, (_, index) => hostIdOf(`host-${String(index)}`));
const REGISTRIES = ["one.example", "two.example", "three.example"];
const LARGE: Task = { digest: digestOf(`sha256:${"a".repeat(64)}`), size: 5 * MIB };
const TASKS: Task[] = [
  LARGE,
  { digest: digestOf(`sha256:${"b".repeat(64)}`), size: 200_000 },
  { digest: digestOf(`sha256:${"c".repeat(64)}`), size: 0 },
];
const TIGHT: SchedulerLimits = {
  ...DEFAULT_LIMITS,
  maxHosts: 6,
  maxTasks: 2,
  maxMembersPerTask: 5,
  maxRegistriesPerTask: 2,
  maxRegistries: 2,
  maxNeedsPerPeer: 3,
  maxAvoidedParents: 2,
  maxReadersPerBlob: 2,
  maxConnectionsPerRegistry: 2,
  maxParentsCompared: 2,
  maxRestingTables: 1,
};

const hash = (piece: number, kind: number): PieceHash => ({ piece, hash: new Uint8Array(32).fill(piece * 7 + kind) });
const host = fc.constantFrom(...HOSTS);
// The blob of many pieces is where the decisions are.
const task = fc.nat(7).map((number): Task => TASKS[number] ?? LARGE);
const registry = fc.constantFrom(...REGISTRIES);
const run: fc.Arbitrary<PieceRun> = fc.record({
  first: fc.integer({ min: -1, max: 22 }),
  stride: fc.integer({ min: 0, max: 4 }),
  count: fc.integer({ min: 0, max: 25 }),
});
// Mostly true lines; now and then one that contradicts.
const lines = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 21 }), fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1)).map(([piece, kind]) => hash(piece, kind)),
  { maxLength: 20 },
);
const code = fc.constantFrom("parent-lost", "parent-silent", "parent-refused", "source-refused", "source-without-range", "disk-refused");
const failure: fc.Arbitrary<GrantFailure> = fc.oneof(
  code.map((each): GrantFailure => ({ code: each })),
  fc.record({ code: fc.constantFrom("source-unavailable", "source-limited"), retryAfterMs: fc.integer({ min: 0, max: 5000 }) }),
  fc.record({ code: fc.constant("piece-refused" as const), piece: fc.nat(20) }),
);

function haveOf(of: Task, bits: number): PieceSet {
  const have = new PieceSet(pieceCount(of.size));
  for (let piece = 0; piece < have.size; piece++) if (((bits >> (piece % 30)) & 1) === 1) have.add(piece);
  return have;
}

/** An event, or an answer to something the scheduler said, chosen by number. */
type Step = { readonly wait: number } & (
  { readonly event: SchedulerEvent } | { readonly answer: number; readonly failure: GrantFailure | undefined; readonly share: number }
);

const event: fc.Arbitrary<SchedulerEvent> = fc.oneof(
  {
    weight: 2,
    arbitrary: host.map((each): SchedulerEvent => ({
      type: "host-joined",
      host: each,
      address: `${each}:1`,
      zone: each < "host-4" ? "z/a" : "z/b",
      seed: each === "host-0",
    })),
  },
  { weight: 1, arbitrary: host.map((each): SchedulerEvent => ({ type: "host-lost", host: each })) },
  {
    weight: 2,
    arbitrary: fc.record({ host, task, bits: fc.nat(), proven: fc.boolean(), registry }).map((each): SchedulerEvent => ({
      type: "blob-announced",
      host: each.host,
      task: each.task,
      have: each.proven ? PieceSet.full(pieceCount(each.task.size)) : haveOf(each.task, each.bits),
      proven: each.proven,
      registry: each.registry,
    })),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("blob-dropped", "peer-closed", "blob-proven", "proof-failed"), host, task }) },
  {
    weight: 5,
    arbitrary: fc
      .record({
        host,
        task,
        registry,
        access: fc.constantFrom("caller", "own", "none"),
        sequential: fc.constantFrom(false, false, false, true),
        priority: fc.constantFrom("reader", "preheat"),
        bits: fc.nat(3),
      })
      .map(({ bits, ...each }): SchedulerEvent => ({ type: "peer-opened", ...each, have: haveOf(each.task, bits) })),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("pieces-needed"), host, task, run }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("pieces-verified"), host, task, pieces: fc.array(run, { maxLength: 3 }), hashes: lines }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("table-told"), host, task, hashes: lines }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("grant-failed"), host, task, grant: fc.nat(40), failure }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ wait: fc.constantFrom(0, 0, 1, 300, 2500, 20_000), event }) },
  {
    weight: 3,
    arbitrary: fc.record({
      wait: fc.constantFrom(0, 0, 1, 100),
      answer: fc.nat(),
      failure: fc.option(failure, { nil: undefined, freq: 4 }),
      share: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

type Given = { readonly host: HostId; readonly task: Task; readonly grant: number; readonly run: PieceRun; readonly source: boolean };

/** Plays the steps; grants are answered truthfully or with a failure. */
function play(limits: SchedulerLimits, steps: readonly Step[]): void {
  let dice = 1;
  const scheduler = new Scheduler(limits, () => (dice = (dice * 16_807) % 2_147_483_647) / 2_147_483_647);
  const open: Given[] = [];
  let now = 1000;
  const tell = (happened: SchedulerEvent): void => {
    for (const effect of scheduler.handle(happened, now)) {
      if (effect.type === "grant-pieces" || effect.type === "grant-stripe")
        open.push({ ...effect, source: effect.type === "grant-stripe" });
    }
    scheduler.checkInvariants();
  };
  for (const each of HOSTS.slice(1, 6)) tell({ type: "host-joined", host: each, address: `${each}:1`, zone: "z", seed: false });
  for (const each of steps) {
    now += each.wait;
    const due = scheduler.nextDeadline();
    if (due !== undefined && due <= now) tell({ type: "time-passed" });
    if ("event" in each) tell(each.event);
    else answer(open, each, tell);
  }
}

function answer(
  open: Given[],
  { answer: number, failure: why, share }: Extract<Step, { answer: number }>,
  tell: (event: SchedulerEvent) => void,
): void {
  const [given] = open.splice(open.length === 0 ? 0 : number % open.length, 1);
  if (given === undefined) return;
  const count = why === undefined ? given.run.count : Math.floor(given.run.count / share);
  const pieces = [{ ...given.run, count }];
  const hashes = given.source ? Array.from({ length: count }, (_, index) => hash(given.run.first + index * given.run.stride, 0)) : [];
  tell({ type: "pieces-verified", host: given.host, task: given.task, pieces, hashes });
  if (why !== undefined) tell({ type: "grant-failed", host: given.host, task: given.task, grant: given.grant, failure: why });
}

test("no sequence of events breaks an invariant or throws", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 120 }), (steps) => play(DEFAULT_LIMITS, steps)),
    { numRuns: 400 },
  );
});

test("no sequence of events passes a bound where every bound is tight", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 120 }), (steps) => play(TIGHT, steps)),
    { numRuns: 300 },
  );
});

test("the same events give the same effects", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const told = [0, 1].map(() => {
        const scheduler = new Scheduler(DEFAULT_LIMITS, () => 0.5);
        return events.map((each, index) => scheduler.handle(each, index * 10));
      });
      assert.deepEqual(told[0], told[1]);
    }),
    { numRuns: 50 },
  );
});
