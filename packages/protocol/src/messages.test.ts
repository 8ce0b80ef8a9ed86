import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, hostIdOf, PieceSet, pieceCount, type Task } from "@darner/domain";
import { Secret } from "@darner/runtime";
import fc from "fast-check";
import {
  readHostMessage,
  readSchedulerMessage,
  WireError,
  writeHostMessage,
  writeSchedulerMessage,
  type HostReport,
  type SchedulerOrder,
  type WarmReport,
} from "./index.ts";
import { loadSchedulerService } from "./scheduler-service.ts";

const MIB = 1024 * 1024;
const task: Task = { digest: digestOf(`sha256:${"ab".repeat(32)}`), size: 64 * MIB };
const host = hostIdOf(`12D3KooW${"a".repeat(44)}`);
const session = loadSchedulerService().definition["Session"];
assert.ok(session !== undefined);

function hostTrip(message: Parameters<typeof writeHostMessage>[0]): ReturnType<typeof readHostMessage> {
  return readHostMessage(session?.requestDeserialize(session.requestSerialize(writeHostMessage(message))));
}

function schedulerTrip(message: Parameters<typeof writeSchedulerMessage>[0]): ReturnType<typeof readSchedulerMessage> {
  return readSchedulerMessage(session?.responseDeserialize(session.responseSerialize(writeSchedulerMessage(message))));
}

const count = pieceCount(task.size);
const have = new PieceSet(count);
have.add(0);
have.add(9);
const hashes = [
  { piece: 0, hash: new Uint8Array(32).fill(1) },
  { piece: 255, hash: new Uint8Array(32).fill(2) },
];

const reports: HostReport[] = [
  { type: "open", registry: "docker.io", access: "caller", sequential: false, priority: "reader", have },
  { type: "close" },
  { type: "need", run: { first: 0, stride: 1, count: 256 } },
  { type: "verified", pieces: [{ first: 0, stride: 2, count: 4 }], hashes },
  { type: "grant-failed", grant: 2 ** 40, code: "source-limited", piece: 0, retryAfterMs: 1500 },
  { type: "proven" },
  { type: "proof-failed" },
  { type: "table", hashes },
];

for (const report of reports) {
  test(`a report "${report.type}" arrives as it was sent`, () => {
    const read = hostTrip({ reports: [{ task, report }] }).reports[0];
    assert.deepEqual(read, { task, report });
  });
}

const orders: SchedulerOrder[] = [
  { type: "grant-pieces", grant: 0, parent: host, address: "10.0.0.1:4102", run: { first: 0, stride: 1, count: 1 } },
  { type: "grant-stripe", grant: 7, run: { first: 4, stride: 1, count: 4 }, connections: 3 },
  { type: "revoke-grant", grant: 0 },
  { type: "table", hashes },
  { type: "ask-table" },
  { type: "standing", standing: "limited", retryAfterMs: 0 },
  { type: "standing", standing: "struck", retryAfterMs: 0 },
  { type: "fault", fault: "wrong-table", registry: "one.example:5000", blocked: true },
  { type: "restart" },
];

for (const order of orders) {
  test(`an order "${order.type}" arrives as it was sent`, () => {
    assert.deepEqual(schedulerTrip({ orders: [{ task, order }] }).orders[0], { task, order });
  });
}

test("a first message carries hello, holdings and what was dropped", () => {
  const hello = { host, address: "10.0.0.1:4102", zone: "eu-1/rack-7", seed: true, version: "0.1.0", name: "node-1" };
  const holdings = [
    { task, proven: false, have, registry: "docker.io" },
    { task, proven: true, have: PieceSet.full(count), registry: "" },
  ];
  assert.deepEqual(hostTrip({ hello, holdings, dropped: [task], ping: true }), {
    hello,
    holdings,
    reports: [],
    dropped: [task],
    denials: [],
    ping: true,
  });
});

test("what is known of public repositories comes through either way; what is no repository does not", () => {
  const publicFacts = [
    { repository: { registry: "docker.io", name: "library/nginx" }, ageMs: 12_000, isPublic: true },
    { repository: { registry: "harbor.corp:5000", name: "team/app" }, ageMs: 0, isPublic: false },
  ];
  assert.deepEqual(hostTrip({ publicFacts }).publicFacts, publicFacts);
  assert.deepEqual(schedulerTrip({ publicFacts }).publicFacts, publicFacts);
  for (const name of ["", "UPPER", "a//b", "../x"]) {
    const wrong = { public_facts: [{ registry: "r", name, age_ms: 0, is_public: true }] };
    assert.throws(() => readHostMessage(wrong), /public_facts\.name/);
  }
  const many = Array.from({ length: 1001 }, () => ({ registry: "r", name: "a", age_ms: 0, is_public: true }));
  assert.throws(() => readSchedulerMessage({ public_facts: many }), /at most 1000/);
});

test("what is to be warmed and how it stands comes through, the credential too, which nothing prints", () => {
  const repository = { registry: "harbor.corp:5000", name: "team/app" };
  // As gRPC hands bytes out.
  const bytes = Buffer.from([1, 2, 3]);
  const contents = [
    { task: { ...task, size: 3 }, kind: "manifest", mediaType: "application/vnd.oci.image.index.v1+json", repository, bytes },
    { task, kind: "blob", mediaType: "", repository },
  ] as const;
  const authorization = new Secret("Bearer s3cret");
  const warm = [
    { job: 2 ** 40, priority: 7, pinMs: 5, authorization, mayRead: false, contents },
    { job: 1, priority: 0, pinMs: 0, mayRead: true, contents: [] },
  ];
  const read = schedulerTrip({ warm, released: [3] });
  assert.deepEqual([read.warm, read.released], [warm, [3]]);
  assert.equal(read.warm?.[0]?.authorization?.reveal(), "Bearer s3cret");
  assert.doesNotMatch(JSON.stringify(read), /s3cret/);
  const { digest } = task;
  const warmed: WarmReport[] = [
    { digest, state: "held" },
    { digest, state: "progress", bytes: 7 },
    { digest, state: "failed", reason: "no room", final: true },
  ];
  assert.deepEqual(hostTrip({ warmed }).warmed, warmed);
});

test("a hello tells platform and labels where the daemon says them", () => {
  const hello = {
    host,
    address: ":4102",
    zone: "",
    seed: false,
    version: "0",
    name: "a",
    platform: "linux/arm64/v8",
    labels: { pool: "gpu" },
  };
  assert.deepEqual(hostTrip({ hello }).hello, hello);
  const many = Object.fromEntries(Array.from({ length: 257 }, (_, at) => [String(at), ""]));
  assert.throws(() => hostTrip({ hello: { ...hello, labels: many } }), /at most 256 labels/);
});

test("whatever bytes arrive, a message is read or refused with a WireError", () => {
  const tolerated = (read: () => unknown): boolean => {
    try {
      read();
    } catch (error) {
      return error instanceof WireError;
    }
    return true;
  };
  fc.assert(
    fc.property(
      fc.anything({ withNullPrototype: true, maxDepth: 4 }),
      (value) => tolerated(() => readHostMessage(value)) && tolerated(() => readSchedulerMessage(value)),
    ),
  );
  const wireTask = fc.record({ digest: fc.oneof(fc.constant(task.digest as string), fc.string()), size: fc.oneof(fc.nat(), fc.double()) });
  const wireRun = fc.record({ first: fc.integer(), stride: fc.integer(), count: fc.integer() });
  const report = fc.record({
    task: wireTask,
    report: fc.constantFrom("open", "need", "verified", "table"),
    need: wireRun,
    table: fc.record({ pieces: fc.array(fc.nat()), hashes: fc.uint8Array() }),
  });
  fc.assert(fc.property(fc.record({ reports: fc.array(report) }), (value) => tolerated(() => readHostMessage(value))));
});

test("a run past the end of the blob is refused by name", () => {
  const message = { reports: [{ task, report: { type: "need", run: { first: 200, stride: 1, count: 100 } } as HostReport }] };
  assert.throws(() => hostTrip(message), /field need of the message is not a run of pieces within the blob/);
});
