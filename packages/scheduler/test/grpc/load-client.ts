import { hrtime } from "node:process";
import { digestOf, hostIdOf, pieceCount, PieceSet, piecesOf, type HostId, type Task } from "@darner/domain";
import type { HostReport, TaskOrder } from "@darner/protocol";
import { helloOf, ScriptedDaemon } from "./scripted-daemon.ts";

/** What one client process does; the first argument, as JSON. */
export type LoadPlan = {
  readonly address: string;
  /** Numbers the hosts of all client processes. */
  readonly firstHost: number;
  readonly sessions: number;
  readonly reportsPerSecond: number;
  readonly seconds: number;
};

/** What it measured; its last message to its parent. Latencies in milliseconds, ascending. */
export type LoadResult = {
  readonly reports: number;
  readonly received: number;
  readonly orders: number;
  readonly probeMs: readonly number[];
  readonly ended: number;
};

const BLOB_BYTES = 64 * 1024 * 1024;
const TICK_MS = 10;
const PROBE_MS = 25;
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const HASH = new Uint8Array(32).fill(7);

function hostNumbered(number: number): HostId {
  let text = "";
  for (let rest = number + 1; rest > 0; rest = Math.floor(rest / 58)) text += BASE58[rest % 58] ?? "1";
  return hostIdOf(`12D3KooW${text.padEnd(44, "z")}`);
}

const taskNumbered = (kind: string, number: number, size: number): Task => ({
  digest: digestOf(`sha256:${kind}${number.toString(16).padStart(63, "0")}`),
  size,
});

/** One session that pulls blob after blob: what it is granted it reports, piece by piece, when its turn comes. */
class Puller {
  readonly daemon: ScriptedDaemon;
  readonly #host: HostId;
  #wave = 0;
  #task = taskNumbered("a", 0, BLOB_BYTES);
  #have = new PieceSet(pieceCount(BLOB_BYTES));
  #owed: { piece: number; isRead: boolean }[] = [];
  orders = 0;
  received = 0;

  constructor(address: string, host: HostId) {
    this.#host = host;
    this.daemon = new ScriptedDaemon(address);
    this.daemon.onMessage = ({ orders }) => {
      this.received += 1;
      this.orders += orders.length;
      for (const order of orders) this.#take(order);
    };
    this.daemon.say({ hello: { ...helloOf("a", "10.0.0.1:4102"), host } });
  }

  open(): void {
    const opening = { type: "open", registry: "r.example", access: "own", sequential: false, priority: "reader" } as const;
    this.#say({ ...opening, have: new PieceSet(this.#have.size) });
  }

  /** Reports one piece, if it was granted any; says whether it did. */
  report(): boolean {
    for (let owed = this.#owed.shift(); owed !== undefined; owed = this.#owed.shift()) {
      const { piece, isRead } = owed;
      if (!this.#have.add(piece)) continue;
      this.#say({ type: "verified", pieces: [{ first: piece, stride: 1, count: 1 }], hashes: isRead ? [{ piece, hash: HASH }] : [] });
      if (this.#have.isFull) this.#next();
      return true;
    }
    return false;
  }

  #next(): void {
    this.#say({ type: "proven" });
    this.#say({ type: "close" });
    this.#wave += 1;
    this.#task = taskNumbered("a", this.#wave, BLOB_BYTES);
    this.#have = new PieceSet(this.#have.size);
    this.#owed = [];
    this.open();
  }

  #take({ task, order }: TaskOrder): void {
    if (task.digest !== this.#task.digest) return;
    if (order.type === "grant-pieces" && order.parent === this.#host) throw new Error("a host feeds itself");
    if (order.type !== "grant-pieces" && order.type !== "grant-stripe") return;
    for (const piece of piecesOf(order.run)) this.#owed.push({ piece, isRead: order.type === "grant-stripe" });
  }

  #say(report: HostReport): void {
    this.daemon.say({ reports: [{ task: this.#task, report }] });
  }
}

/** A session that opens one small blob after the other: the time from each report to its grant. */
class Probe {
  readonly #daemon: ScriptedDaemon;
  readonly #asked = new Map<string, bigint>();
  readonly #first: number;
  readonly ms: number[] = [];
  #number = 0;

  constructor(address: string, host: number) {
    this.#first = host * 1_000_000;
    this.#daemon = new ScriptedDaemon(address);
    this.#daemon.onMessage = ({ orders }) => {
      for (const { task, order } of orders) {
        const at = this.#asked.get(task.digest);
        if (at === undefined || order.type !== "grant-stripe") continue;
        this.#asked.delete(task.digest);
        this.ms.push(Number(hrtime.bigint() - at) / 1e6);
        this.#daemon.say({ reports: [{ task, report: { type: "close" } }], dropped: [] });
      }
    };
    this.#daemon.say({ hello: { ...helloOf("a", "10.0.0.1:4102"), host: hostNumbered(1_000_000 + host) } });
  }

  ask(): void {
    const task = taskNumbered("b", this.#first + this.#number++, 200_000);
    this.#asked.set(task.digest, hrtime.bigint());
    const opening = { type: "open", registry: `r${String(this.#number % 64)}.example`, access: "own", sequential: false } as const;
    this.#daemon.say({ reports: [{ task, report: { ...opening, priority: "reader", have: new PieceSet(1) } }] });
  }

  [Symbol.dispose](): void {
    this.#daemon[Symbol.dispose]();
  }
}

async function pull(plan: LoadPlan): Promise<LoadResult> {
  const pullers = Array.from({ length: plan.sessions }, (_, at) => new Puller(plan.address, hostNumbered(plan.firstHost + at)));
  using probe = new Probe(plan.address, plan.firstHost);
  while (!pullers.every(({ daemon }) => daemon.isWelcome)) {
    const ended = pullers.find(({ daemon }) => daemon.ended !== undefined)?.daemon.ended;
    if (ended !== undefined) throw new Error(`the scheduler lets nobody in: ${ended.status} ${ended.details}`);
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  process.send?.("ready");
  await new Promise((resolve) => process.once("message", resolve));
  for (const puller of pullers) puller.open();
  const began = performance.now();
  let [reports, turn, probed] = [0, 0, 0];
  for (let ms = 0; ms < plan.seconds * 1000; ms = performance.now() - began) {
    // What is late is not made up for in one burst of more than a tenth of a second.
    const due = Math.min(Math.floor((ms * plan.reportsPerSecond) / 1000) - reports, plan.reportsPerSecond / 10);
    for (let [done, tried] = [0, 0]; done < due && tried < pullers.length * 2; tried += 1) {
      if (pullers[turn++ % pullers.length]?.report() !== true) continue;
      done += 1;
      reports += 1;
    }
    for (; probed * PROBE_MS < ms; probed += 1) probe.ask();
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  const sum = (of: (puller: Puller) => number): number => pullers.reduce((total, puller) => total + of(puller), 0);
  const ended = sum(({ daemon }) => (daemon.ended === undefined ? 0 : 1));
  const result = { reports, received: sum(({ received }) => received), orders: sum(({ orders }) => orders), ended };
  for (const { daemon } of pullers) daemon[Symbol.dispose]();
  return { ...result, probeMs: probe.ms.toSorted((left, right) => left - right) };
}

if (process.send !== undefined) {
  const result = await pull(JSON.parse(process.argv[2] ?? "") as LoadPlan);
  process.send(result);
  // Its parent reads what time it used before it lets it go.
  await new Promise((resolve) => process.once("disconnect", resolve));
}
