import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { GeneratedRegistry, type GeneratedBlob } from "./harness/generated-registry.ts";
import { LoopbackProcess } from "./harness/loopback-process.ts";
import { until } from "./harness/shell.ts";

const MIB = 1024 * 1024;
// Pieces in flight (64 MiB) and what the collector had not taken back yet; a blob kept in memory would be sixteen times the small one.
const ALLOWED_GROWTH_BYTES = 150 * MIB;

const lives = new AsyncDisposableStack();
let registry: GeneratedRegistry;
let daemons: LoopbackProcess[];

before(async () => {
  const dir = mkdtempSync(join(tmpdir(), "darner-large-"));
  lives.defer(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  registry = lives.use(await GeneratedRegistry.open());
  const scheduler = lives.use(await LoopbackProcess.open("scheduler", join(dir, "scheduler"), {}));
  const config = {
    DARNER_SCHEDULERS: JSON.stringify([scheduler.door("grpc")]),
    DARNER_REGISTRIES: JSON.stringify({ [registry.host]: { plainHttp: true } }),
  };
  daemons = await Promise.all(
    ["one", "two"].map((name) =>
      LoopbackProcess.open("daemon", join(dir, name), { ...config, DARNER_NAME: name, DARNER_ADVERTISE: "127.0.0.1" }),
    ),
  );
  for (const daemon of daemons) lives.use(daemon);
  for (const daemon of daemons) await until("the daemons to find the scheduler", () => hasScheduler(daemon));
});
after(() => lives.disposeAsync());

async function hasScheduler(daemon: LoopbackProcess): Promise<true | undefined> {
  const response = await fetch(`http://${daemon.door("admin")}/api/v1/status`);
  const { scheduler } = (await response.json()) as { scheduler: string | null };
  return scheduler === null ? undefined : true;
}

/** Reads a blob to its end and hashes it; nothing is kept. */
async function readThrough(daemon: LoopbackProcess, { digest }: GeneratedBlob): Promise<{ digest: string; bytes: number }> {
  const url = `http://${daemon.door("mirror")}/v2/large/blob/blobs/${digest}?ns=${registry.host}`;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, resolve).on("error", reject);
  });
  assert.equal(response.statusCode, 200);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { digest: `sha256:${hash.digest("hex")}`, bytes };
}

/** Both daemons are read through at once; gives the most memory each ever had. */
async function pull(blob: GeneratedBlob): Promise<number[]> {
  const before = registry.sentBytes;
  const startedAt = performance.now();
  const read = await Promise.all(daemons.map((daemon) => readThrough(daemon, blob)));
  for (const result of read) assert.deepEqual(result, { digest: blob.digest, bytes: blob.size });
  const ratio = (registry.sentBytes - before) / blob.size;
  const seconds = (performance.now() - startedAt) / 1000;
  const peaks = daemons.map(({ peakBytes }) => peakBytes);
  const memory = peaks.map((peak) => `${(peak / MIB).toFixed(0)} MiB`).join(" and ");
  console.log(
    `${String(blob.size / MIB)} MiB through two daemons: ${seconds.toFixed(1)} s, ${ratio.toFixed(4)} × the blob left the registry, at most ${memory} of memory`,
  );
  assert.ok(ratio <= 1.02, `${ratio.toFixed(4)} × the blob left the registry`);
  return peaks;
}

test("a blob of 1 GiB comes through two daemons at once in the memory that one of 64 MiB takes", async () => {
  const small = await pull(registry.add(64 * MIB, 1));
  const large = await pull(registry.add(1024 * MIB, 2));
  for (const [at, peak] of large.entries())
    assert.ok(peak <= (small[at] ?? 0) + ALLOWED_GROWTH_BYTES, `daemon ${String(at + 1)} grew with the blob`);
});
