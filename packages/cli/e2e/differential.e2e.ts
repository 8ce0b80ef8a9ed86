import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBlob, type FixtureBlob } from "@darner/testkit";
import { request as httpRequest, Agent } from "node:http";
import { LocalCluster } from "./harness/local-cluster.ts";
import { seededRandom } from "./harness/seeded-random.ts";

const KIB = 1024;
// Every shape of a blob that matters: no byte, one byte, around one piece, several pieces with a short last one.
const SIZES = [0, 1, 1000, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, 700 * KIB, 1024 * KIB, 3 * 1024 * KIB + 17];
const SEED = Number(process.env["DARNER_E2E_SEED"] ?? Date.now() % 1_000_000_007);
const ROUNDS = Number(process.env["DARNER_ROUNDS"] ?? 84);
const REQUESTS_PER_ROUND = 50;

type Answer = {
  readonly status: number;
  readonly range: string | undefined;
  readonly length: number | undefined;
  readonly bytes: Buffer;
  readonly whole: boolean;
};

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** One GET as a client sees it: the status, what came, and whether the body came to its end. */
function get(address: string, path: string, range: string | undefined): Promise<Answer> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host, port, path, agent, headers: range === undefined ? {} : { range } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => undefined);
      response.on("close", () => {
        const bytes = Buffer.concat(chunks);
        const length = response.headers["content-length"] === undefined ? undefined : Number(response.headers["content-length"]);
        resolve({ status: response.statusCode ?? 0, range: response.headers["content-range"], length, bytes, whole: response.complete });
      });
    });
    request.on("error", reject);
    request.end();
  });
}

type Plan = { readonly blob: FixtureBlob; readonly range: string | undefined };

function planOf(random: () => number, blobs: readonly FixtureBlob[]): Plan {
  const blob = blobs[Math.floor(random() * blobs.length)];
  assert.ok(blob !== undefined);
  const at = (): number => Math.floor(random() * (blob.size + 10));
  const [first, second] = [at(), at()].toSorted((left, right) => left - right);
  const forms = [
    undefined,
    undefined,
    `bytes=${String(first)}-`,
    `bytes=${String(first)}-${String(second)}`,
    `bytes=-${String(first)}`,
    "bytes=0-",
    "bytes=0-0",
    "items=0-1",
  ];
  // Ranges of a blob without bytes have no one right answer; they are tested on their own.
  return { blob, range: blob.size === 0 ? undefined : forms[Math.floor(random() * forms.length)] };
}

/** What the registry itself answers to the same request, byte for byte, by RFC 9110 and the contract's table 1.6. */
function expected({ blob, range }: Plan): { status: number; bytes: Uint8Array } {
  const match = /^bytes=([0-9]*)-([0-9]*)$/.exec(range ?? "");
  if (match === null) return { status: 200, bytes: blob.bytes };
  const [, from = "", to = ""] = match;
  const start = from === "" ? Math.max(0, blob.size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? blob.size : Math.min(blob.size, Number(to) + 1);
  if (start >= blob.size || end <= start || (from === "" && Number(to) === 0)) return { status: 416, bytes: new Uint8Array() };
  return { status: 206, bytes: blob.bytes.subarray(start, end) };
}

function isRight(answer: Answer, plan: Plan): boolean {
  const { status, bytes } = expected(plan);
  if (answer.status !== status) return false;
  return status === 416 || (answer.whole && answer.bytes.equals(bytes));
}

/** Asks; where the answer ended short, asks for the rest once, as containerd would. A wrong byte is never forgiven. */
async function askWithResume(address: string, path: string, plan: Plan): Promise<"right" | "resumed" | "broken"> {
  const first = await get(address, path, plan.range).catch(() => undefined);
  if (first !== undefined && isRight(first, plan)) return "right";
  const wanted = expected(plan).bytes;
  const got = first !== undefined && first.status < 300 ? first.bytes : Buffer.alloc(0);
  assert.ok(got.equals(wanted.subarray(0, got.length)), "no wrong byte reaches a client");
  const start = offsetOf(plan);
  const rest = `bytes=${String(start + got.length)}-${String(start + wanted.length - 1)}`;
  const second = await get(address, path, rest).catch(() => undefined);
  return second?.status === 206 && second.bytes.equals(wanted.subarray(got.length)) ? "resumed" : "broken";
}

function offsetOf({ blob, range }: Plan): number {
  const match = /^bytes=([0-9]*)-([0-9]*)$/.exec(range ?? "");
  if (match === null) return 0;
  return match[1] === "" ? Math.max(0, blob.size - Number(match[2])) : Number(match[1]);
}

test(`random requests are answered as the registry answers them, with and without one fault (seed ${String(SEED)})`, async () => {
  const random = seededRandom(SEED);
  const counts = {
    clean: { right: 0, resumed: 0, broken: 0 },
    recoverable: { right: 0, resumed: 0, broken: 0 },
    hopeless: { right: 0, resumed: 0, broken: 0 },
  };
  await using cluster = await LocalCluster.open({ daemons: 3 });
  for (let round = 0; round < ROUNDS; round++) {
    const blobs = SIZES.map((size, index) => randomBlob(`${String(SEED)}-${String(round)}-${String(index)}`, size));
    const repository = `diff/r${String(round)}`;
    for (const { bytes } of blobs) cluster.registry.content.pushBlob(repository, bytes);
    const kind = (["clean", "recoverable", "hopeless"] as const)[round % 12 === 11 ? 2 : round % 2];
    assert.ok(kind !== undefined);
    const fault = await startFault(cluster, kind, random);
    const plans = Array.from({ length: REQUESTS_PER_ROUND }, () => planOf(random, blobs));
    const outcomes = await Promise.all(
      plans.map((plan) => {
        const daemon = cluster.daemons[Math.floor(random() * cluster.daemons.length)];
        assert.ok(daemon !== undefined);
        return askWithResume(daemon.addresses.mirror, `/v2/${repository}/blobs/${plan.blob.digest}?ns=${cluster.registry.host}`, plan);
      }),
    );
    for (const outcome of outcomes) counts[kind][outcome] += 1;
    await fault();
  }
  agent.destroy();
  const total = ROUNDS * REQUESTS_PER_ROUND;
  const broken = counts.clean.broken + counts.recoverable.broken + counts.hopeless.broken;
  console.log(
    `seed ${String(SEED)}: ${String(total)} requests; ${JSON.stringify(counts)}; broken ${((100 * broken) / total).toFixed(2)} %`,
  );
  assert.equal(counts.clean.resumed + counts.clean.broken, 0, "without a fault every response is whole and right");
  assert.equal(counts.recoverable.broken, 0, "a fault that leaves a way costs at most one resume");
  assert.ok(broken <= total / 10);
});

/** Makes one thing go wrong in this round; gives the way back to good order. */
async function startFault(
  cluster: LocalCluster,
  kind: "clean" | "recoverable" | "hopeless",
  random: () => number,
): Promise<() => Promise<void>> {
  const { registry } = cluster;
  const cleared = async (): Promise<void> => {
    registry.clearFaults();
    await Promise.resolve();
  };
  if (kind === "clean") return cleared;
  if (kind === "hopeless") {
    registry.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "status", status: 503 } });
    return cleared;
  }
  const choices = [
    (): unknown =>
      registry.fault({
        when: { kind: "blob", method: "GET" },
        times: 3,
        do: { kind: "cut", afterBytes: Math.floor(random() * 200 * KIB) },
      }),
    (): unknown => registry.fault({ when: { kind: "blob", method: "GET" }, times: 2, do: { kind: "status", status: 503 } }),
    (): unknown => registry.fault({ when: { kind: "blob", method: "GET" }, do: { kind: "ignore-range" } }),
    (): unknown => registry.fault({ when: { kind: "blob", method: "GET" }, times: 5, do: { kind: "delay", ms: 300 } }),
    (): unknown => registry.fault({ when: { kind: "blob", method: "HEAD" }, do: { kind: "status", status: 405 } }),
    (): unknown => registry.fault({ when: { kind: "blob" }, do: { kind: "redirect", to: "second" } }),
  ];
  const choice = Math.floor(random() * (choices.length + 1));
  const begin = choices[choice];
  if (begin !== undefined) {
    begin();
    return cleared;
  }
  await cluster.stopScheduler();
  return async () => {
    await cluster.startScheduler();
  };
}
