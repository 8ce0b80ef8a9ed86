import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { digestOf, hostIdOf, PieceSet, type Task } from "@darner/domain";
import type { Holding, PublicFact, SchedulerOrder, WarmOrder, WarmReport } from "@darner/protocol";
import { capturedLog, noLeaks, StoppedClock } from "@darner/testkit";
import { eventually, whileTimePasses } from "../../test/eventually.ts";
import { ScriptedScheduler } from "../../test/scheduler-link/scripted-scheduler.ts";
import { GrpcSchedulerLink } from "./grpc-scheduler-link.ts";
import type { FactBook, SchedulerListener, WarmListener } from "./scheduler-link.ts";

noLeaks();

const taskAt = (at: number): Task => ({ digest: digestOf(`sha256:${at.toString(16).padStart(64, "0")}`), size: 1000 });
const HOLDINGS: readonly Holding[] = Array.from({ length: 5 }, (_, at) => ({
  task: taskAt(at),
  proven: true,
  have: PieceSet.full(1),
  registry: "r",
}));
const hello = { host: hostIdOf(`12D3KooW${"a".repeat(44)}`), address: ":4102", zone: "", seed: false, version: "0", name: "a" };

class Recorded implements SchedulerListener, FactBook {
  readonly warm: WarmOrder[] = [];
  readonly released: number[] = [];
  warmingLost = 0;
  greeted = 0;
  readonly learnt: PublicFact[] = [];
  lost = 0;
  readonly orders: SchedulerOrder[] = [];

  holdings(): readonly Holding[] {
    return HOLDINGS;
  }

  holdingOf({ digest }: Task): Holding | undefined {
    return HOLDINGS.find(({ task }) => task.digest === digest);
  }

  onFound(): void {
    this.greeted += 1;
  }

  *found(): Generator<PublicFact> {
    yield { repository: { registry: "r.example", name: "library/app" }, ageMs: 5000, isPublic: true };
  }

  learn(fact: PublicFact): void {
    this.learnt.push(fact);
  }

  onLost(): void {
    this.lost += 1;
  }

  readonly warming: WarmListener = {
    onWarm: (order) => {
      this.warm.push(order);
    },
    onReleased: (job) => {
      this.released.push(job);
    },
    onLost: () => {
      this.warmingLost += 1;
    },
  };

  onOrder(_task: Task, order: SchedulerOrder): void {
    this.orders.push(order);
  }
}

type Bench = AsyncDisposable & {
  readonly link: GrpcSchedulerLink;
  readonly told: Recorded;
  readonly clock: StoppedClock;
  readonly log: ReturnType<typeof capturedLog>;
};

function openBench(schedulers: readonly string[]): Bench {
  const [told, clock, log] = [new Recorded(), new StoppedClock(), capturedLog()];
  const link = new GrpcSchedulerLink(
    { schedulers, hello },
    { listener: told, facts: told, warming: told.warming, timers: clock, random: () => 0.5, log },
  );
  link.start();
  return { link, told, clock, log, [Symbol.asyncDispose]: () => whileTimePasses(clock, link[Symbol.asyncDispose]()) };
}

/** An address where nobody listens. */
async function nobody(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === "object" && address !== null);
  return `127.0.0.1:${String(address.port)}`;
}

test("a scheduler that is found hears who is there and what it holds before anything else", async () => {
  await using scheduler = await ScriptedScheduler.open();
  await using bench = openBench([scheduler.address]);
  assert.equal(bench.link.scheduler, undefined);
  bench.link.report(taskAt(1), { type: "proven" });
  await eventually(() => bench.link.scheduler === "s", "it is found");
  bench.link.report(taskAt(2), { type: "close" });
  await eventually(() => scheduler.session.messages.some(({ reports }) => reports.length > 0), "the report comes");
  const { messages } = scheduler.session;
  assert.equal(messages[0]?.hello?.host, hello.host);
  assert.deepEqual(
    messages.flatMap(({ holdings }) => holdings.map(({ task }) => task)),
    HOLDINGS.map(({ task }) => task),
  );
  assert.deepEqual(
    messages.flatMap(({ reports }) => reports),
    [{ task: taskAt(2), report: { type: "close" } }],
    "what was said before is not said",
  );
});

test("what is said in one turn travels in one message", async () => {
  await using scheduler = await ScriptedScheduler.open();
  await using bench = openBench([scheduler.address]);
  await eventually(() => bench.link.scheduler === "s", "it is found");
  for (let at = 0; at < 100; at += 1) bench.link.report(taskAt(at), { type: "close" });
  bench.link.announce(HOLDINGS[0] ?? assert.fail());
  bench.link.dropped(taskAt(7));
  const said = (): number => scheduler.session.messages.reduce((sum, { reports, dropped }) => sum + reports.length + dropped.length, 0);
  await eventually(() => said() === 101, "all of it comes");
  // Hello, then what was said, cut where the order of reading would change it.
  assert.ok(scheduler.session.messages.length <= 4, String(scheduler.session.messages.length));
});

test("what this host found out of public repositories is told to a scheduler that is found, and what others did is learnt", async () => {
  await using scheduler = await ScriptedScheduler.open();
  await using bench = openBench([scheduler.address]);
  await eventually(() => bench.link.scheduler === "s", "it is found");
  const repository = { registry: "r.example", name: "library/other" };
  bench.link.tellPublic({ repository, ageMs: 0, isPublic: false });
  const told = (): readonly PublicFact[] => scheduler.session.messages.flatMap(({ publicFacts = [] }) => publicFacts);
  await eventually(() => told().length === 2, "both come");
  assert.deepEqual(
    told().map(({ repository: { name }, isPublic }) => [name, isPublic]),
    [
      ["library/app", true],
      ["library/other", false],
    ],
  );
  scheduler.session.say({ publicFacts: [{ repository, ageMs: 7, isPublic: true }] });
  await eventually(() => bench.told.learnt.length === 1, "it is learnt");
  assert.deepEqual(bench.told.learnt, [{ repository, ageMs: 7, isPublic: true }]);
});

test("orders reach the listener in their order", async () => {
  await using scheduler = await ScriptedScheduler.open();
  await using bench = openBench([scheduler.address]);
  await eventually(() => bench.link.scheduler === "s", "it is found");
  const orders: SchedulerOrder[] = [
    { type: "grant-stripe", grant: 1, run: { first: 0, stride: 1, count: 1 }, connections: 1 },
    { type: "revoke-grant", grant: 1 },
    { type: "restart" },
  ];
  scheduler.session.say({ orders: orders.map((order) => ({ task: taskAt(1), order })) });
  await eventually(() => bench.told.orders.length === 3, "they come");
  assert.deepEqual(bench.told.orders, orders);
});

test("what is to be warmed reaches the listener, and what became of it the scheduler", async () => {
  await using scheduler = await ScriptedScheduler.open();
  await using bench = openBench([scheduler.address]);
  await eventually(() => bench.link.scheduler === "s", "it is found");
  const content = { task: taskAt(1), kind: "blob", mediaType: "x/y", repository: { registry: "r.example", name: "a/b" } } as const;
  scheduler.session.say({ warm: [{ job: 17, priority: 3, pinMs: 1000, mayRead: false, contents: [content] }], released: [33] });
  await eventually(() => bench.told.warm.length === 1 && bench.told.released.length === 1, "they come");
  assert.deepEqual([bench.told.warm[0]?.contents, bench.told.released], [[content], [33]]);
  bench.link.tellWarmed({ digest: taskAt(1).digest, state: "failed", reason: "no room", final: true });
  const said = (): readonly WarmReport[] => scheduler.session.messages.flatMap(({ warmed = [] }) => warmed);
  await eventually(() => said().length === 1, "it is said");
  assert.deepEqual(said(), [{ digest: taskAt(1).digest, state: "failed", reason: "no room", final: true }]);
});

test("a lost scheduler is told once, and when it is back everything held is announced again", async () => {
  const first = await ScriptedScheduler.open();
  await using bench = openBench([first.address]);
  await eventually(() => bench.link.scheduler === "s", "it is found");
  await first[Symbol.asyncDispose]();
  await eventually(() => bench.told.lost === 1, "it is lost");
  assert.equal(bench.link.scheduler, undefined);
  bench.link.report(taskAt(1), { type: "close" });
  await using again = await ScriptedScheduler.open("s", Number(first.address.split(":")[1]));
  await whileTimePasses(
    bench.clock,
    eventually(() => bench.link.scheduler === "s", "it is found again"),
  );
  await eventually(() => again.session.messages.some(({ holdings }) => holdings.length === HOLDINGS.length), "the holdings come again");
  assert.deepEqual([bench.told.greeted, bench.told.lost], [2, 1]);
});

test("of several schedulers the first that answers is taken", async () => {
  await using second = await ScriptedScheduler.open("second");
  await using third = await ScriptedScheduler.open("third");
  await using bench = openBench([await nobody(), second.address, third.address]);
  await whileTimePasses(
    bench.clock,
    eventually(() => bench.link.scheduler !== undefined, "one is found"),
  );
  assert.deepEqual([bench.link.scheduler, third.sessions.length], ["second", 1]);
});

test("a scheduler that connects and does not greet is passed over", async () => {
  await using mute = await ScriptedScheduler.open("");
  await using second = await ScriptedScheduler.open("second");
  await using bench = openBench([mute.address, second.address]);
  await eventually(() => mute.sessions.length === 1, "the first is asked");
  await whileTimePasses(
    bench.clock,
    eventually(() => bench.link.scheduler === "second", "the second is found"),
  );
  assert.ok(bench.clock.now() >= 1000);
});

test("no scheduler at all is a state: the link tries on, ever more seldom, and never fails", async () => {
  await using bench = openBench([await nobody(), "not an address://", await nobody()]);
  const failures = (): number =>
    bench.log.lines.filter(({ message }) => message === "scheduler session failed" || message === "scheduler address cannot be dialled")
      .length;
  await whileTimePasses(
    bench.clock,
    eventually(() => failures() >= 12, "it goes on trying"),
  );
  assert.deepEqual([bench.told.greeted, bench.told.lost, bench.link.scheduler], [0, 0, undefined]);
  // Four rounds: pauses of 200, 400 and 800 ms between them at least.
  assert.ok(bench.clock.now() >= 1400, String(bench.clock.now()));
});

test("a scheduler that talks garbage is left and looked for again", async () => {
  await using scheduler = await ScriptedScheduler.open();
  await using bench = openBench([scheduler.address]);
  await eventually(() => bench.link.scheduler === "s", "it is found");
  scheduler.session.sayRaw({ orders: [{ task: { digest: "no digest", size: 1 }, restart: {} }] });
  await eventually(() => bench.told.lost === 1, "it is left");
  await whileTimePasses(
    bench.clock,
    eventually(() => bench.told.greeted === 2, "it is looked for again"),
  );
  assert.equal(bench.told.orders.length, 0);
});

test("a scheduler that does not read is left when too much waits for it", async () => {
  await using scheduler = await ScriptedScheduler.open();
  await using bench = openBench([scheduler.address]);
  await eventually(() => bench.link.scheduler === "s", "it is found");
  scheduler.session.pause();
  const hashes = Array.from({ length: 100_000 }, (_, piece) => ({ piece, hash: new Uint8Array(32) }));
  for (let count = 0; count < 20; count += 1) bench.link.report({ ...taskAt(1), size: 16 * 1024 ** 4 }, { type: "table", hashes });
  await eventually(() => bench.told.lost === 1, "it is left");
  assert.ok(bench.log.lines.some(({ message }) => message === "scheduler does not read, session ended"));
});

test("a daemon that stops says what is left to say and ends its session well", async () => {
  await using scheduler = await ScriptedScheduler.open();
  const bench = openBench([scheduler.address]);
  await eventually(() => bench.link.scheduler === "s", "it is found");
  bench.link.report(taskAt(9), { type: "close" });
  await bench.link[Symbol.asyncDispose]();
  assert.equal(scheduler.session.ended, true);
  assert.deepEqual(
    scheduler.session.messages.flatMap(({ reports }) => reports.map(({ task }) => task)),
    [taskAt(9)],
  );
  assert.deepEqual([bench.told.lost, bench.clock.waiting, bench.link.scheduler], [0, 0, undefined]);
});

test("standbys hear what is held and when a blob is complete, and nothing of what is on its way", async () => {
  await using first = await ScriptedScheduler.open("first");
  await using second = await ScriptedScheduler.open("second");
  await using bench = openBench([first.address, second.address]);
  await eventually(() => bench.link.standing.rows.every(({ state }) => state !== "absent"), "both answer");
  await eventually(() => bench.link.scheduler === "first", "the first is followed");
  bench.link.report(taskAt(1), { type: "need", run: { first: 0, stride: 1, count: 1 } });
  bench.link.report(taskAt(1), { type: "proven" });
  const held = (): number => second.session.messages.reduce((sum, { holdings }) => sum + holdings.length, 0);
  await eventually(() => held() === HOLDINGS.length + 1, "the standby hears of the complete blob");
  assert.deepEqual(
    second.session.messages.flatMap(({ reports }) => reports),
    [],
  );
  assert.deepEqual(
    bench.link.standing.rows.map(({ name, state }) => [name, state]),
    [
      ["first", "active"],
      ["second", "standby"],
    ],
  );
});

test("the scheduler that is followed is lost: the next one is followed at once, is told so first, and peers open there; orders of standbys are not heard", async () => {
  const first = await ScriptedScheduler.open("first");
  await using second = await ScriptedScheduler.open("second");
  await using bench = openBench([first.address, second.address]);
  await eventually(() => bench.link.scheduler === "first" && second.sessions.length === 1, "the first is followed");
  await eventually(() => bench.link.standing.rows.every(({ state }) => state !== "absent"), "both answer");
  const order: SchedulerOrder = { type: "revoke-grant", grant: 1 };
  const fact = { repository: { registry: "r.example", name: "library/app" }, ageMs: 0, isPublic: true };
  second.session.say({ orders: [{ task: taskAt(1), order }], publicFacts: [fact] });
  await eventually(() => bench.told.learnt.length === 1, "the standby was heard");
  const open = { type: "open", registry: "r", access: "own", sequential: false, priority: "reader", have: new PieceSet(1) } as const;
  bench.link.report(taskAt(1), open);
  bench.told.onFound = () => {
    bench.told.greeted += 1;
    bench.link.report(taskAt(1), { ...open, reading: [{ first: 0, stride: 1, count: 1 }] });
  };
  await first[Symbol.asyncDispose]();
  await eventually(() => bench.link.scheduler === "second", "the second is followed");
  await eventually(() => second.session.messages.some(({ reports }) => reports.length > 0), "the peer opens there");
  const word = second.session.messages.find(({ standing }) => standing?.isHere === true);
  assert.deepEqual([word?.standing?.isMoving, word?.standing?.active], [true, second.address]);
  assert.deepEqual(
    second.session.messages.flatMap(({ reports }) => reports.map(({ report }) => (report.type === "open" ? report.reading : report.type))),
    [[{ first: 0, stride: 1, count: 1 }]],
  );
  assert.deepEqual([bench.told.greeted, bench.told.lost, bench.told.orders.length], [2, 0, 0]);
  second.session.say({ orders: [{ task: taskAt(1), order }] });
  await eventually(() => bench.told.orders.length === 1, "the second is heard now");
});

test("a preheat belongs to the scheduler that took it: a standby's orders are heard, every scheduler is told, and only without any is one lost", async () => {
  const first = await ScriptedScheduler.open("first");
  const second = await ScriptedScheduler.open("second");
  await using bench = openBench([first.address, second.address]);
  await eventually(() => bench.link.scheduler === "first", "the first is followed");
  await eventually(() => bench.link.standing.rows.every(({ state }) => state !== "absent"), "both answer");
  const content = { task: taskAt(1), kind: "blob", mediaType: "x/y", repository: { registry: "r.example", name: "a/b" } } as const;
  second.session.say({ warm: [{ job: 17, priority: 3, pinMs: 0, mayRead: false, contents: [content] }], released: [33] });
  await eventually(() => bench.told.warm.length === 1 && bench.told.released.length === 1, "the standby's order comes");
  bench.link.tellWarmed({ digest: taskAt(1).digest, state: "held" });
  for (const { session } of [first, second])
    await eventually(() => session.messages.some(({ warmed = [] }) => warmed.length === 1), "each is told");
  await first[Symbol.asyncDispose]();
  await eventually(() => bench.link.scheduler === "second", "the second is followed");
  assert.equal(bench.told.warmingLost, 0, "what was ordered goes on");
  await second[Symbol.asyncDispose]();
  await eventually(() => bench.link.scheduler === undefined, "none is there");
  assert.equal(bench.told.warmingLost, 1);
});
