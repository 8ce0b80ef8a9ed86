import assert from "node:assert/strict";
import { get } from "node:http";
import { test } from "node:test";
import { randomBlob, type FixtureBlob } from "@darner/testkit";
import { LocalCluster } from "./harness/local-cluster.ts";
import { seededRandom } from "./harness/seeded-random.ts";

const MIB = 1024 * 1024;
const SEED = Number(process.env["DARNER_E2E_SEED"] ?? Date.now() % 1_000_000_007);
// Slow enough that everybody is there before the blob is, fast enough for a test.
const SLOW = { kind: "slow", bytesPerSecond: 8 * MIB } as const;

type Answer = { readonly status: number; readonly bytes: Buffer };

function ask(url: string, headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, ...(signal === undefined ? {} : { signal }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, bytes: Buffer.concat(chunks) });
      });
    });
    request.on("error", reject);
  });
}

/** Begins a request and goes away when its first bytes are there. */
async function askAndLeave(url: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  const leaving = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const request = get(url, { headers, signal: leaving.signal }, (response) => {
    response.once("data", () => {
      resolve(undefined);
      leaving.abort();
    });
    response.on("error", () => undefined);
  });
  request.on("error", reject);
  await promise;
}

function urlOf(cluster: LocalCluster, blob: FixtureBlob): string {
  const mirror = cluster.daemons[0]?.addresses.mirror ?? "";
  return `http://${mirror}/v2/team/app/blobs/${blob.digest}?ns=${cluster.registry.host}`;
}

test(`case 56: many requests for one blob, whole and in parts, early and late, are one download that outlives who began it (seed ${String(SEED)})`, async () => {
  await using cluster = await LocalCluster.open({ daemons: 1 });
  const random = seededRandom(SEED);
  const blob = randomBlob(`single ${String(SEED)}`, 8 * MIB + 17);
  cluster.registry.content.pushBlob("team/app", blob.bytes);
  cluster.registry.fault({ when: { kind: "blob", method: "GET" }, do: SLOW });
  const url = urlOf(cluster, blob);
  const part = async (): Promise<void> => {
    const start = Math.floor(random() * blob.size);
    const end = start + 1 + Math.floor(random() * (blob.size - start));
    const { status, bytes } = await ask(url, { range: `bytes=${String(start)}-${String(end - 1)}` });
    assert.equal(status, 206);
    assert.ok(bytes.equals(blob.bytes.subarray(start, end)), `bytes ${String(start)} to ${String(end)}`);
  };
  const whole = async (): Promise<void> => {
    const { status, bytes } = await ask(url);
    assert.equal(status, 200);
    assert.ok(bytes.equals(blob.bytes));
  };
  // Who began it leaves in the middle; who comes after that comes late.
  const leader = askAndLeave(url);
  const early = Array.from({ length: 20 }, (_, at) => (at % 4 === 0 ? whole() : part()));
  await leader;
  const late = Array.from({ length: 20 }, (_, at) => (at % 4 === 0 ? whole() : part()));
  await Promise.all([...early, ...late]);
  const ratio = cluster.registry.bodyBytes() / blob.size;
  console.log(`40 requests at once: ${ratio.toFixed(4)} × the blob left the registry`);
  assert.ok(ratio <= 1.02);
});

test("case 56: the credential of who began a download opens nothing to who joins it, and its end is nobody else's", async () => {
  const access = { scheme: "basic", users: { ada: "lovelace", mary: "somerville" } } as const;
  await using cluster = await LocalCluster.open({ daemons: 1, registry: { access } });
  const blob = randomBlob(`single private ${String(SEED)}`, 4 * MIB);
  cluster.registry.content.pushBlob("team/app", blob.bytes);
  cluster.registry.fault({ when: { kind: "blob", method: "GET" }, do: SLOW });
  const url = urlOf(cluster, blob);
  const basic = (user: string): Record<string, string> => ({ authorization: `Basic ${btoa(user)}` });
  const leader = askAndLeave(url, basic("ada:lovelace"));
  const follower = ask(url, basic("mary:somerville"));
  for (const headers of [{}, basic("eve:guess"), basic("ada:wrong")]) assert.equal((await ask(url, headers)).status, 401);
  await leader;
  const { status, bytes } = await follower;
  assert.equal(status, 200);
  assert.ok(bytes.equals(blob.bytes));
  for (const headers of [{}, basic("eve:guess")]) assert.equal((await ask(url, headers)).status, 401, "nor from the cache");
  assert.ok(cluster.registry.bodyBytes() <= 1.02 * blob.size + 2000);
});
