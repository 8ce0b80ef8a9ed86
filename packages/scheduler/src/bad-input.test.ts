import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { digestOf, pieceCount, PieceSet, type Task } from "@darner/domain";
import type { HostReport } from "@darner/protocol";
import { parseListen } from "@darner/runtime";
import { noLeaks, StoppedClock } from "@darner/testkit";
import { eventually } from "../test/eventually.ts";
import { helloOf, hostNamed, ScriptedDaemon } from "../test/grpc/scripted-daemon.ts";
import { openBench, type Bench } from "../test/matchmaker-bench.ts";
import { SessionGate } from "./grpc/session-gate.ts";

noLeaks();

const task: Task = { digest: digestOf(`sha256:${"c".repeat(64)}`), size: 4 * 1024 * 1024 };
const none = new PieceSet(pieceCount(task.size));
const opening = { type: "open", registry: "r.example", access: "own", sequential: false, priority: "reader", have: none } as const;

/** Every test ends with it: somebody who did nothing wrong is served. */
async function servesOthers(bench: Bench, letter = "z"): Promise<void> {
  const honest = await bench.join(letter);
  const other: Task = { digest: digestOf(`sha256:${Buffer.from(letter).toString("hex").repeat(32)}`), size: 300_000 };
  honest.say({ reports: [{ task: other, report: { ...opening, have: new PieceSet(2) } }] });
  await eventually(() => honest.orders.some(({ order }) => order.type === "grant-stripe"), "an honest host is served");
}

/** A refusal has a name, in the answer, the log and the metric. */
async function isRefused(bench: Bench, daemon: ScriptedDaemon, status: string, reason: string): Promise<void> {
  await eventually(() => daemon.ended !== undefined, "it is refused");
  assert.equal(daemon.ended?.status, status);
  assert.ok(bench.log.lines.some(({ message, fields }) => message === "session ended" && fields["reason"] === reason));
  assert.match(await bench.metrics(), new RegExp(`darner_scheduler_sessions_refused_total{reason="${reason}"} [1-9]`));
}

test("pieces outside of the blob end the session of who reports them", async () => {
  await using bench = await openBench();
  const liar = await bench.join("a");
  const pieces = [{ first: 10, stride: 1, count: 7 }];
  liar.say({ reports: [{ task, report: { type: "verified", pieces, hashes: [] } }] });
  await isRefused(bench, liar, "INVALID_ARGUMENT", "bad-message");
  assert.match(liar.ended?.details ?? "", /verified\.pieces .* a run of pieces within the blob/);
  await servesOthers(bench);
});

test("an index out of range ends the session of who names it, whatever is said of it, and the answer names the field", async () => {
  await using bench = await openBench();
  const beyond = { first: none.size, stride: 1, count: 1 };
  const line = { piece: none.size, hash: new Uint8Array(32) };
  const words: readonly (readonly [RegExp, HostReport])[] = [
    [/need/, { type: "need", run: beyond }],
    [/need/, { type: "need", run: { first: 0, stride: 0, count: 4 } }],
    [/reading/, { ...opening, reading: [beyond] }],
    [/verified/, { type: "verified", pieces: [], hashes: [line] }],
    [/table/, { type: "table", hashes: [line] }],
  ];
  for (const [at, [field, report]] of words.entries()) {
    const liar = await bench.join(String.fromCharCode("a".charCodeAt(0) + at));
    liar.say({ reports: [{ task, report }] });
    await isRefused(bench, liar, "INVALID_ARGUMENT", "bad-message");
    assert.match(liar.ended?.details ?? "", field);
  }
  assert.equal(bench.core.tasks().length, 0);
  await servesOthers(bench);
});

test("a host that reports pieces it has not is not believed once the only child said so, and the child is fed by others", async () => {
  await using bench = await openBench();
  const liar = await bench.join("a");
  liar.say({ holdings: [{ task, proven: true, have: PieceSet.full(none.size), registry: "r.example" }] });
  await eventually(() => bench.core.tasks()[0]?.proven === 1, "the lie is believed");
  const child = await bench.join("b");
  child.say({ reports: [{ task, report: { ...opening, access: "none" } }] });
  const granted = (): number | undefined => child.orders.flatMap(({ order }) => (order.type === "grant-pieces" ? [order.grant] : []))[0];
  await eventually(() => granted() !== undefined, "the liar is to feed it");
  const failed = { type: "grant-failed", grant: granted() ?? 0, code: "parent-refused", piece: 0, retryAfterMs: 0 } as const;
  child.say({ reports: [{ task, report: failed }] });
  await eventually(() => bench.core.tasks()[0]?.holders === 0, "the lie is not believed any more");
  assert.match(await bench.metrics(), /grants_failed_total{cause="parent-refused"} 1\n/);
  const holder = await bench.join("g");
  holder.say({ holdings: [{ task, proven: true, have: PieceSet.full(none.size), registry: "r.example" }] });
  const isFed = (): boolean => child.orders.some(({ order }) => order.type === "grant-pieces" && order.parent === hostNamed("g"));
  await eventually(isFed, "it is fed by who has it");
  await servesOthers(bench);
});

test("a host that claims another size of a digest is a holder of that other task only", async () => {
  await using bench = await openBench();
  const liar = await bench.join("a");
  liar.say({ holdings: [{ task: { ...task, size: task.size + 1 }, proven: true, have: PieceSet.full(17), registry: "r.example" }] });
  await eventually(() => bench.core.tasks().length === 1, "the claim is known");
  const reader = await bench.join("b");
  reader.say({ reports: [{ task, report: opening }] });
  await eventually(() => reader.orders.some(({ order }) => order.type === "grant-stripe"), "it reads the source");
  assert.ok(reader.orders.every(({ order }) => order.type !== "grant-pieces"));
  await servesOthers(bench);
});

test("a flood of reports is read more slowly, and the host is named; others are heard meanwhile", async () => {
  const clock = new StoppedClock();
  await using bench = await openBench({ timers: clock });
  const loud = await bench.join("a");
  const large: Task = { digest: digestOf(`sha256:${"f".repeat(64)}`), size: 4 * 1024 ** 4 };
  const report = { type: "verified", pieces: [{ first: 0, stride: 1, count: pieceCount(large.size) }], hashes: [] } as const;
  for (let said = 0; said < 50; said += 1) loud.say({ reports: [{ task: large, report }] });
  await eventually(() => bench.log.lines.some(({ fields }) => fields["reason"] === "flood"), "it is named");
  await servesOthers(bench);
  const heard = async (): Promise<number> => Number(/events_total{event="pieces-verified"} (\d+)/.exec(await bench.metrics())?.[1] ?? 0);
  const before = await heard();
  assert.ok(before < 12, `${String(before)} reports of 65,536 pieces are more than the allowance`);
  assert.match(await bench.metrics(), /darner_scheduler_sessions_slowed_total 1\n/);
  assert.equal(loud.ended, undefined, "it is slowed, not ended");
  clock.advance(60_000);
  let after = before;
  await eventually(() => (void heard().then((now) => (after = now)), after > before), "it is heard on when its time has come");
});

test("a message with more entries, or more pieces, than a daemon ever says at once is refused", async () => {
  await using bench = await openBench();
  const many = await bench.join("a");
  many.say({ dropped: Array.from({ length: 32_769 }, () => task) });
  await isRefused(bench, many, "INVALID_ARGUMENT", "bad-message");
  assert.match(many.ended?.details ?? "", /at most 32768 entries/);
  const repeated = await bench.join("b");
  const pieces = Array.from({ length: 20_000 }, () => ({ first: 0, stride: 1, count: none.size }));
  repeated.say({ reports: [{ task, report: { type: "verified", pieces, hashes: [] } }] });
  await isRefused(bench, repeated, "INVALID_ARGUMENT", "bad-message");
  assert.match(repeated.ended?.details ?? "", /at most 262144 pieces/);
  await servesOthers(bench);
});

test("a message larger than any may be ends its session alone", async () => {
  await using bench = await openBench();
  using giant = new ScriptedDaemon(bench.address, -1);
  giant.say({ hello: helloOf("a") });
  await eventually(() => giant.isWelcome, "it is greeted");
  giant.sayRaw({ reports: [{ task, table: { pieces: [], hashes: Buffer.alloc(17 * 1024 * 1024) } }] });
  // gRPC refuses it before anybody reads it: the daemon is told why, here the host is simply lost.
  await eventually(() => giant.ended !== undefined, "it is ended");
  assert.equal(giant.ended?.status, "RESOURCE_EXHAUSTED");
  await eventually(() => bench.core.hosts().length === 0, "its host is lost");
  await servesOthers(bench);
});

test("bytes that are no HTTP/2 at all harm nobody", async () => {
  await using bench = await openBench();
  const { host, port } = parseListen(bench.address) ?? assert.fail("no address");
  const socket = connect(port, host);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(Buffer.alloc(100_000, "GET / HTTP/1.1\r\n"));
  await servesOthers(bench);
  socket.destroy();
  await once(socket, "close");
});

test("sessions from one address beyond the bound, and sessions that never say hello, leave places for others", async () => {
  await using bench = await openBench({ gate: new SessionGate(3, 2) });
  const silent = [bench.connect(), bench.connect()];
  const [first] = silent;
  // One more that says nothing yet is one too many, until the others said hello or went.
  await eventually(() => silent.every((daemon) => daemon.ended === undefined), "they are open");
  const third = await bench.join("a");
  await isRefused(bench, third, "RESOURCE_EXHAUSTED", "full");
  for (const [at, daemon] of silent.entries()) daemon.say({ hello: helloOf(String(at + 1)) });
  await eventually(() => silent.every(({ isWelcome }) => isWelcome), "both are greeted");
  const last = await bench.join("c");
  assert.ok(last.isWelcome);
  await isRefused(bench, await bench.join("d"), "RESOURCE_EXHAUSTED", "crowded");
  first?.end();
  await eventually(() => bench.core.hosts().length === 2, "one leaves");
  await servesOthers(bench);
});

test("two daemons with one host id: the newer has it, the older is told, and it is named", async () => {
  await using bench = await openBench();
  const older = await bench.join("a");
  await bench.join("a");
  await isRefused(bench, older, "ABORTED", "replaced");
  assert.equal(bench.core.hosts().length, 1);
  await servesOthers(bench);
});

test("a time of day that jumps is not noticed, and a machine that slept for an hour goes on", async () => {
  const clock = new StoppedClock();
  const timeOfDay = Date.now;
  await using bench = await openBench({ timers: clock });
  const reader = await bench.join("a");
  reader.say({ reports: [{ task, report: opening }] });
  await eventually(() => reader.orders.some(({ order }) => order.type === "grant-stripe"), "it reads");
  try {
    for (const jump of [86_400_000 * 365, -86_400_000 * 365]) {
      Date.now = () => timeOfDay() + jump;
      await servesOthers(bench, jump > 0 ? "y" : "x");
    }
  } finally {
    Date.now = timeOfDay;
  }
  clock.advance(3_600_000);
  assert.equal(reader.ended, undefined);
  await servesOthers(bench);
});
