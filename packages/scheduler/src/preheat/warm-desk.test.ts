import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { digestOf, pieceCount, PieceSet, type Digest } from "@darner/domain";
import type { WarmContent } from "@darner/preheat";
import { Secret } from "@darner/runtime";
import { capturedLog, noLeaks, randomBlob, type CapturedLog } from "@darner/testkit";
import { eventually } from "../../test/eventually.ts";
import { hostNamed, type ScriptedDaemon } from "../../test/grpc/scripted-daemon.ts";
import { openBench as openMatchmaker, type Bench as MatchmakerBench } from "../../test/matchmaker-bench.ts";
import type { WarmOrder } from "./preheat-jobs.ts";
import { WarmDesk, type HostEvent } from "./warm-desk.ts";

noLeaks();

const repository = { registry: "r.corp", name: "team/app" };
const KIB = 1024;

type Bench = AsyncDisposable & {
  readonly desk: WarmDesk;
  readonly events: HostEvent[];
  readonly log: CapturedLog;
  readonly join: MatchmakerBench["join"];
  warm(letter: string, order: Partial<WarmOrder>): void;
};

/** A desk before a real matchmaker, with daemons over real gRPC. */
async function openBench(isSecure = true, maxHosts = 10): Promise<Bench> {
  const [events, log] = [[] as HostEvent[], capturedLog()];
  const found: { desk?: WarmDesk } = {};
  const bench = await openMatchmaker({
    maxHosts,
    before: (next, core) => (found.desk = new WarmDesk(next, { core, isSecure, log, post: (event) => events.push(event) })),
  });
  const { desk } = found;
  assert.ok(desk !== undefined);
  return {
    desk,
    events,
    log,
    join: bench.join,
    warm: (letter, order) => {
      const usual = { job: 16, contents: [], priority: 0, pinMs: 0, authorization: undefined, mayReadUnasked: true };
      desk.warm({ ...usual, host: hostNamed(letter), ...order });
    },
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}

function contentOf(seed: string, size: number, withBytes = false): WarmContent {
  const { digest, bytes } = randomBlob(seed, size);
  return {
    kind: withBytes ? "manifest" : "blob",
    digest: digestOf(digest),
    size,
    mediaType: "m/t",
    repository,
    scheme: "https",
    ...(withBytes ? { bytes } : {}),
  };
}

const ordersOf = (daemon: ScriptedDaemon): NonNullable<ScriptedDaemon["messages"][number]["warm"]>[number][] =>
  daemon.messages.flatMap(({ warm = [] }) => warm);
const digestsOf = (daemon: ScriptedDaemon): Digest[] => ordersOf(daemon).flatMap(({ contents }) => contents.map(({ task }) => task.digest));

suite("the desk between jobs and sessions", () => {
  test("a host that says hello is there with what it said of itself, and gone with its session", async () => {
    await using bench = await openBench();
    const about = { zone: "eu-1", seed: true, platform: "linux/arm64/v8", labels: { gpu: "yes" } };
    const daemon = await bench.join("a", { ...about, address: "[fd00::1]:4102" });
    assert.deepEqual(bench.desk.live(), [{ host: hostNamed("a"), name: "a", ip: "fd00::1", ...about }]);
    await bench.join("b");
    assert.deepEqual(bench.desk.live()[1]?.platform, "linux/amd64", "what an older daemon is taken for");
    daemon.end();
    await eventually(() => bench.events.some(({ type }) => type === "host-left"), "it left");
    assert.deepEqual(
      bench.events.map(({ type, host }) => [type, typeof host === "string" ? host : host.host]),
      [
        ["host-joined", hostNamed("a")],
        ["host-joined", hostNamed("b")],
        ["host-left", hostNamed("a")],
      ],
    );
    assert.deepEqual(
      bench.desk.live().map(({ name }) => name),
      ["b"],
    );
  });

  test("a host that is one too many is no host, and orders for hosts that are not there go nowhere", async () => {
    await using bench = await openBench(true, 1);
    await bench.join("a");
    const refused = await bench.join("b");
    await eventually(() => refused.ended !== undefined, "it is turned away");
    assert.deepEqual(
      bench.events.map(({ type }) => type).filter((type) => type === "host-joined"),
      ["host-joined"],
    );
    bench.warm("b", { contents: [contentOf("x", 10)] });
    bench.desk.release(hostNamed("b"), 16);
    assert.equal(refused.messages.flatMap(({ warm = [] }) => warm).length, 0);
  });

  test("an order arrives whole and in its order, in parts that a message can carry; manifests above 256 KiB travel as blobs do", async () => {
    await using bench = await openBench();
    const daemon = await bench.join("a");
    const manifests = Array.from({ length: 12 }, (_, at) => contentOf(`manifest ${String(at)}`, 250 * KIB, true));
    const contents = [contentOf("large", 300 * KIB, true), ...manifests, contentOf("layer", 5000)];
    bench.warm("a", { contents, priority: 7, pinMs: 1000 });
    await eventually(() => digestsOf(daemon).length === contents.length, "everything");
    assert.deepEqual(
      digestsOf(daemon),
      contents.map(({ digest }) => digest),
    );
    const orders = ordersOf(daemon);
    assert.ok(orders.length >= 2, "3 MiB are more than one part");
    for (const { job, priority, pinMs, mayRead, contents: part } of orders) {
      assert.deepEqual([job, priority, pinMs, mayRead], [16, 7, 1000, true]);
      assert.ok(part.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0) <= 2 * 1024 * KIB);
    }
    const carried = orders.flatMap(({ contents: part }) => part.map(({ bytes }) => bytes?.length ?? 0));
    assert.deepEqual(carried, [0, ...manifests.map(({ size }) => size), 0]);
    bench.desk.release(hostNamed("a"), 16);
    await eventually(() => daemon.messages.some(({ released }) => released?.includes(16)), "it is told");
  });

  test("a digest that nobody here can check fails at once, with a sentence", async () => {
    await using bench = await openBench();
    const daemon = await bench.join("a");
    const odd = { ...contentOf("odd", 10), digest: `blake9:${"a".repeat(64)}` as Digest };
    bench.warm("a", { contents: [odd, contentOf("well", 10)] });
    await eventually(() => digestsOf(daemon).length === 1, "the other one");
    const failure = bench.events.find(({ type }) => type === "content-failed");
    assert.ok(failure?.type === "content-failed" && failure.isFinal);
    assert.match(failure.reason, /blake9.* is none that Darner can check/);
  });

  test("a credential goes with the orders it belongs to: between members, and on this machine", async () => {
    const authorization = new Secret("Bearer s3cret");
    for (const isSecure of [true, false]) {
      await using bench = await openBench(isSecure);
      const daemon = await bench.join("a");
      bench.warm("a", { contents: [contentOf("x", 10)], authorization, mayReadUnasked: false });
      await eventually(() => ordersOf(daemon).length === 1, "the order");
      // Every session of this bench comes over loopback.
      assert.equal(ordersOf(daemon)[0]?.authorization?.reveal(), "Bearer s3cret");
    }
    await using bench = await openBench();
    const daemon = await bench.join("a");
    bench.warm("a", { contents: [contentOf("x", 10)], mayReadUnasked: false });
    await eventually(() => ordersOf(daemon).length === 1, "the order");
    assert.deepEqual([ordersOf(daemon)[0]?.authorization, ordersOf(daemon)[0]?.mayRead], [undefined, false]);
  });

  test("what hosts say becomes events of theirs; who holds what is what the matchmaker knows", async () => {
    await using bench = await openBench();
    const daemon = await bench.join("a");
    const [held, half, lost] = [contentOf("held", 10), contentOf("half", 1000 * KIB), contentOf("lost", 10)];
    const task = { digest: held.digest, size: held.size };
    daemon.say({
      holdings: [{ task, proven: true, have: PieceSet.full(pieceCount(task.size)), registry: "r.corp" }],
      warmed: [
        { digest: held.digest, state: "held" },
        { digest: half.digest, state: "progress", bytes: 5000 },
        { digest: lost.digest, state: "failed", reason: "no room", final: true },
      ],
    });
    await eventually(() => bench.events.length === 4, "three reports");
    const host = hostNamed("a");
    assert.deepEqual(bench.events.slice(1), [
      { type: "content-held", host, digest: held.digest },
      { type: "content-progress", host, digest: half.digest, bytes: 5000 },
      { type: "content-failed", host, digest: lost.digest, reason: "no room", isFinal: true },
    ]);
    const empty = contentOf("empty", 0);
    assert.deepEqual(bench.desk.holds(host, [held, half, empty]), [held.digest, empty.digest]);
    assert.deepEqual(bench.desk.holds(hostNamed("b"), [held]), []);
  });

  test("a host that comes again takes the place of its earlier session, whose end is no loss", async () => {
    await using bench = await openBench();
    const first = await bench.join("a");
    const second = await bench.join("a", { zone: "eu-2" });
    await eventually(() => first.ended !== undefined, "the first one ends");
    bench.warm("a", { contents: [contentOf("x", 10)] });
    await eventually(() => ordersOf(second).length === 1, "the order");
    assert.deepEqual([bench.desk.live().map(({ zone }) => zone), bench.events.some(({ type }) => type === "host-left")], [["eu-2"], false]);
  });
});
