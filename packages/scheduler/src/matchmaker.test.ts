import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, pieceCount, PieceSet, type Task } from "@darner/domain";
import { noLeaks } from "@darner/testkit";
import { eventually } from "../test/eventually.ts";
import { hostNamed } from "../test/grpc/scripted-daemon.ts";
import { openBench } from "../test/matchmaker-bench.ts";

noLeaks();

const task: Task = { digest: digestOf(`sha256:${"b".repeat(64)}`), size: 4 * 1024 * 1024 };
const none = new PieceSet(pieceCount(task.size));
const all = PieceSet.full(pieceCount(task.size));
const opening = { type: "open", registry: "r.example", access: "own", sequential: false, priority: "reader", have: none } as const;

test("a daemon that wants a cold blob is told to read a stripe of it, and one that wants a held one gets its parent", async () => {
  await using bench = await openBench();
  const [a, b] = [await bench.join("a"), await bench.join("b")];
  a.say({ reports: [{ task, report: opening }] });
  await eventually(() => a.orders.some(({ order }) => order.type === "grant-stripe"), "a stripe is granted");
  const holder = await bench.join("c");
  holder.say({ holdings: [{ task, proven: true, have: all, registry: "r.example" }] });
  b.say({ reports: [{ task, report: { ...opening, access: "none" } }] });
  await eventually(() => b.orders.some(({ order }) => order.type === "grant-pieces"), "a parent is granted");
  const parents = b.orders.flatMap(({ order }) => (order.type === "grant-pieces" ? [order.parent, order.address] : []));
  assert.ok(parents.includes(hostNamed("c")) || parents.includes(hostNamed("a")));
  assert.match(await bench.metrics(), /darner_scheduler_events_total{event="peer-opened"} 2\n/);
});

test("a host that comes back before its old session is over takes its place, and the old one is told so", async () => {
  await using bench = await openBench();
  const old = await bench.join("a");
  old.say({ holdings: [{ task, proven: true, have: all, registry: "r.example" }] });
  await eventually(() => bench.core.tasks().length === 1, "the blob is known");
  const young = await bench.join("a");
  await eventually(() => old.ended !== undefined, "the old session ends");
  assert.equal(old.ended?.status, "ABORTED");
  assert.deepEqual([bench.core.hosts().length, bench.core.tasks().length], [1, 0]);
  young.say({ holdings: [{ task, proven: true, have: all, registry: "r.example" }] });
  await eventually(() => bench.core.tasks().length === 1, "the new session announces again");
});

test("a session that ends takes its host with it", async () => {
  await using bench = await openBench();
  const a = await bench.join("a");
  a.end();
  await eventually(() => bench.core.hosts().length === 0, "the host is lost");
});

test("a host beyond the bound is turned away, and one that comes back is not", async () => {
  await using bench = await openBench({ maxHosts: 2 });
  await bench.join("a");
  await bench.join("b");
  const c = await bench.join("c");
  assert.equal(c.ended?.status, "RESOURCE_EXHAUSTED");
  const again = await bench.join("a");
  assert.ok(again.isWelcome);
});

test("within a message what was dropped goes before what is held, and that before what is reported", async () => {
  await using bench = await openBench();
  const a = await bench.join("a");
  a.say({ dropped: [task], holdings: [{ task, proven: true, have: all, registry: "r.example" }], reports: [] });
  await eventually(() => bench.core.tasks().length === 1, "the blob is known");
});

test("garbage of one daemon ends its session alone", async () => {
  await using bench = await openBench();
  const [a, b] = [await bench.join("a"), await bench.join("b")];
  a.sayRaw({ reports: [{ task: { digest: "garbage", size: -1 } }] });
  await eventually(() => a.ended !== undefined, "it is ended");
  b.say({ reports: [{ task, report: opening }] });
  await eventually(() => b.orders.length > 0, "the other is served");
  assert.deepEqual(bench.core.hosts().length, 1);
});

test("what one daemon heard of a public repository every other one is told, those that come later too, and so is a no", async () => {
  await using bench = await openBench();
  const [a, b] = [await bench.join("a"), await bench.join("b")];
  const repository = { registry: "r.example", name: "library/app" };
  a.say({ publicFacts: [{ repository, ageMs: 1000, isPublic: true }] });
  await eventually(() => b.facts.length === 1, "b is told");
  const [fact] = b.facts;
  assert.deepEqual([fact?.repository, fact?.isPublic, fact?.ageMs], [repository, true, 1000]);
  b.say({ publicFacts: [{ repository, ageMs: 0, isPublic: true }] });
  const c = await bench.join("c");
  await eventually(() => c.facts.length === 1, "who comes is told");
  b.say({ publicFacts: [{ repository, ageMs: 0, isPublic: false }] });
  await eventually(() => a.facts.length === 1 && c.facts.length === 2, "the no reaches everybody else");
  assert.deepEqual([a.facts[0]?.isPublic, c.facts[1]?.isPublic, b.facts.length], [false, false, 1], "a yes twice is no news");
  const d = await bench.join("d");
  d.say({ publicFacts: [{ repository: { registry: "r.example", name: "library/b" }, ageMs: 0, isPublic: true }] });
  await eventually(() => a.facts.length === 2, "the next fact comes");
  assert.equal(d.facts.length, 0, "what is public no more is told to nobody");
});
