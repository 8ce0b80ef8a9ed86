import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { digestOf, type Digest } from "@darner/domain";
import type { WarmContent, WarmOrder, WarmReport } from "@darner/protocol";
import { Secret } from "@darner/runtime";
import { noLeaks, randomBlob, type FixtureBlob } from "@darner/testkit";
import { eventually, eventuallyByClock } from "../../test/eventually.ts";
import { openPeersBench, type PeersBench, type PeersPlan } from "../../test/peers-bench.ts";
import { Warming } from "./warming.ts";

noLeaks();

const NAME = "team/app";
const KIB = 1024;
const SIZE = 300 * KIB;

const PAUSE = { kind: "status", status: 429, headers: { "retry-after": "1" } } as const;

type Bench = AsyncDisposable & {
  readonly peers: PeersBench;
  readonly warming: Warming;
  readonly told: WarmReport[];
  /** Puts a blob into the registry and gives it as an order names it. */
  readonly push: (seed: string, size?: number) => WarmContent;
  readonly order: (job: number, contents: readonly WarmContent[], more?: Partial<WarmOrder>) => void;
  /** Digests in the order in which the registry was asked for blobs. */
  readonly asked: () => string[];
  /** Waits, while time passes, until this many contents were told to be held or not to be had. */
  readonly answers: (count: number, stepMs?: number) => Promise<readonly WarmReport[]>;
};

async function openBench(plan: PeersPlan = {}): Promise<Bench> {
  // Nobody grants anything here: each peer reads for itself, at once.
  const peers = await openPeersBench({ ...plan, limits: { preheatPatienceMs: 0, ...plan.limits } });
  const told: WarmReport[] = [];
  const warming = new Warming({
    store: peers.store,
    peers: peers.peers,
    registryBehind: (name) => name,
    hasOwnCredential: () => false,
    announceComplete: (task) => {
      peers.link.droppedTasks.push(task);
    },
    tell: (report) => told.push(report),
    timers: peers.clock,
    log: peers.log,
  });
  const { registry, clock } = peers;
  const repository = { registry: registry.host, name: NAME };
  const answers = (): WarmReport[] => told.filter(({ state }) => state !== "progress");
  return {
    peers,
    warming,
    told,
    push: (seed, size = SIZE) => contentOf(registry.content.pushBlob(NAME, randomBlob(seed, size).bytes), repository),
    order: (job, contents, more = {}) => {
      warming.onWarm({ job, priority: 0, pinMs: 0, mayRead: true, contents, ...more });
    },
    asked: () =>
      registry.requests.filter(({ kind, method }) => kind === "blob" && method === "GET").map(({ path }) => path.split("/").at(-1) ?? ""),
    answers: async (count, stepMs = 20) => {
      await eventuallyByClock(clock, stepMs, () => answers().length >= count, `${String(count)} answers`);
      return answers();
    },
    [Symbol.asyncDispose]: async () => {
      warming[Symbol.dispose]();
      await peers[Symbol.asyncDispose]();
    },
  };
}

function contentOf({ digest, size }: FixtureBlob, repository: WarmContent["repository"]): WarmContent {
  return { task: { digest: digestOf(digest), size }, kind: "blob", mediaType: "application/octet-stream", repository };
}

const digestsOf = (contents: readonly WarmContent[]): Digest[] => contents.map(({ task }) => task.digest);

suite("warming a host", () => {
  test("four contents are on their way at a time, a higher priority goes first, and of one priority what was said first", async () => {
    await using bench = await openBench();
    const { push, order, asked, peers } = bench;
    const gate = Promise.withResolvers<undefined>();
    peers.registry.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "hold", afterBytes: 0, until: gate.promise } });
    const many = Array.from({ length: 6 }, (_, at) => push(`many ${String(at)}`));
    const urgent = push("urgent");
    order(16, many);
    order(32, [urgent], { priority: 50 });
    const holding = bench.answers(7);
    await eventually(() => asked().length === 4, "four requests");
    assert.deepEqual(asked().toSorted(), digestsOf(many.slice(0, 4)).toSorted());
    gate.resolve(undefined);
    await holding;
    assert.deepEqual(asked().slice(4), digestsOf([urgent, ...many.slice(4)]));
    assert.ok(bench.told.every(({ state }) => state !== "failed"));
  });

  test("what is here is told at once, and a manifest that came with its order costs no request", async () => {
    await using bench = await openBench();
    const { push, order, peers } = bench;
    const blob = push("here");
    order(16, [blob]);
    await bench.answers(1);
    const manifest = randomBlob("manifest", 500);
    const inline: WarmContent = { ...contentOf(manifest, blob.repository), kind: "manifest", bytes: manifest.bytes };
    const before = peers.registry.requests.length;
    order(32, [blob, inline]);
    await bench.answers(3);
    assert.deepEqual(
      bench.told.filter(({ state }) => state === "held").map(({ digest }) => digest),
      digestsOf([blob, blob, inline]),
    );
    assert.equal(peers.registry.requests.length, before);
    assert.deepEqual(peers.link.droppedTasks, [inline.task], "it is announced");
  });

  test("bytes that came with an order and do not have its digest are not believed", async () => {
    await using bench = await openBench();
    const blob = bench.push("right", 500);
    bench.order(16, [{ ...blob, bytes: randomBlob("wrong", 500).bytes }]);
    const [answer] = await bench.answers(1);
    assert.equal(answer?.state, "held");
    assert.deepEqual(bench.asked(), digestsOf([blob]));
  });

  test("a content that the registry does not have is told of alone, for good, with what to do", async () => {
    await using bench = await openBench();
    const [there, gone] = [bench.push("there"), bench.push("gone")];
    bench.peers.registry.fault({ when: { path: gone.task.digest }, do: { kind: "status", status: 404 } });
    bench.order(16, [gone, there]);
    const answers = await bench.answers(2);
    const failure = answers.find(({ state }) => state === "failed");
    assert.ok(failure?.state === "failed");
    assert.deepEqual([failure.digest, failure.final], [gone.task.digest, true]);
    assert.match(failure.reason, /the registry does not have it.*404.*push the image again/);
    assert.equal(answers.find(({ state }) => state === "held")?.digest, there.task.digest);
  });

  test("a registry that wants a pause is asked again after it", async () => {
    await using bench = await openBench();
    const blob = bench.push("slow");
    bench.peers.registry.fault({ when: { kind: "blob" }, times: 1, do: PAUSE });
    bench.order(16, [blob]);
    const [answer] = await bench.answers(1);
    assert.equal(answer?.state, "held");
  });

  test("after two minutes in vain the scheduler is to decide, and hears what the registry said", async () => {
    await using bench = await openBench();
    bench.peers.registry.fault({ when: { kind: "blob" }, do: PAUSE });
    bench.order(16, [bench.push("broken")]);
    const since = bench.peers.clock.now();
    const [answer] = await bench.answers(1, 50);
    assert.ok(answer?.state === "failed" && !answer.final && /429/.test(answer.reason), JSON.stringify(answer));
    assert.ok(bench.peers.clock.now() - since >= 120_000);
  });

  test("a disk without room is final, and says what to do; the next one that fits is got", async () => {
    await using bench = await openBench({ storeBytes: 500 * KIB });
    const [large, small] = [bench.push("large", 600 * KIB), bench.push("small")];
    bench.order(16, [large, small]);
    const answers = await bench.answers(2);
    const failure = answers.find(({ state }) => state === "failed");
    assert.ok(failure?.state === "failed" && failure.final);
    assert.match(failure.reason, /no room on this host: .*make store\.maxBytes larger/);
  });

  test("what no job wants any more is given up, what another wants goes on", async () => {
    await using bench = await openBench();
    const { push, order, peers, warming } = bench;
    const gate = Promise.withResolvers<undefined>();
    peers.registry.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "hold", afterBytes: 1000, until: gate.promise } });
    const [mine, ours] = [push("mine"), push("ours")];
    order(16, [mine, ours]);
    order(32, [ours]);
    await eventually(() => peers.peers.count === 2, "two peers");
    warming.onReleased(16);
    await eventually(() => peers.peers.count === 1, "one peer");
    gate.resolve(undefined);
    await bench.answers(1);
    assert.deepEqual(
      bench.told.filter(({ state }) => state === "held").map(({ digest }) => digest),
      digestsOf([ours]),
    );
    assert.equal(peers.store.findComplete(mine.task.digest), undefined);
  });

  test("when the scheduler is lost the work goes on; what a scheduler does not say again in half a minute is given up", async () => {
    await using bench = await openBench();
    const { push, order, peers, warming } = bench;
    const never = Promise.withResolvers<undefined>();
    peers.registry.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "hold", afterBytes: 1000, until: never.promise } });
    const [said, unsaid] = [push("said"), push("unsaid")];
    order(16, [said]);
    order(32, [unsaid]);
    await eventually(() => peers.peers.count === 2, "two peers");
    warming.onLost();
    peers.clock.advance(15_000);
    order(16, [said]);
    assert.equal(peers.peers.count, 2);
    peers.clock.advance(15_000);
    await eventually(() => peers.peers.count === 1, "one peer");
    assert.deepEqual(
      peers.peers.running().map(({ task }) => task.digest),
      digestsOf([said]),
    );
    never.resolve(undefined);
  });

  test("how much is here is told once a second while something is on its way", async () => {
    await using bench = await openBench();
    const { push, order, peers } = bench;
    const gate = Promise.withResolvers<undefined>();
    const blob = push("slow", 900 * KIB);
    peers.registry.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "hold", afterBytes: 600 * KIB, until: gate.promise } });
    order(16, [blob]);
    await eventually(() => {
      peers.clock.advance(5);
      return bench.told.some(({ state }) => state === "progress");
    }, "progress");
    const [progress] = bench.told;
    assert.ok(progress?.state === "progress" && progress.bytes >= 256 * KIB && progress.bytes < 900 * KIB);
    gate.resolve(undefined);
    await bench.answers(1);
  });

  test("what was got is kept from eviction for as long as the job says that asks for the longest", async () => {
    await using bench = await openBench({ storeBytes: 700 * KIB });
    const blob = bench.push("pinned");
    bench.order(16, [blob], { pinMs: 1000 });
    bench.order(32, [blob], { pinMs: 3_600_000 });
    await bench.answers(1);
    bench.order(48, [bench.push("too much", 600 * KIB)]);
    const answers = await bench.answers(2);
    assert.equal(answers.at(-1)?.state, "failed");
    assert.deepEqual(bench.peers.store.findComplete(blob.task.digest), blob.task);
  });

  test("a credential that the registry refuses is followed by another job's, and a host that may not read asks nobody", async () => {
    const access = { scheme: "basic", users: { robot: "s3cret" } } as const;
    await using bench = await openBench({ access, limits: { starvedEndMs: 100 } });
    const header = (password: string): Secret => new Secret(`Basic ${btoa(`robot:${password}`)}`);
    const blob = bench.push("private");
    bench.order(16, [blob], { authorization: header("old"), mayRead: false });
    bench.order(32, [blob], { authorization: header("s3cret"), mayRead: false });
    const [answer] = await bench.answers(1);
    assert.equal(answer?.state, "held", JSON.stringify(answer));
    const before = bench.peers.registry.requests.length;
    bench.order(48, [bench.push("other")], { mayRead: false });
    const failure = (await bench.answers(2, 200)).at(-1);
    assert.ok(failure?.state === "failed" && !failure.final);
    assert.equal(bench.peers.registry.requests.length, before);
  });
});
