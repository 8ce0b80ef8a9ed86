import assert from "node:assert/strict";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openScriptedRegistry, randomBlob, type FixtureBlob, type ScriptedRegistry } from "@darner/testkit";
import { LoopbackProcess } from "../harness/loopback-process.ts";
import { until } from "../harness/shell.ts";

const MIB = 1024 * 1024;
const NAME = "team/app";
const BLOBS = 6;
const BLOB_BYTES = 2 * MIB;

let registry: ScriptedRegistry;
let dir: string;
before(async () => {
  registry = await openScriptedRegistry();
  dir = mkdtempSync(join(tmpdir(), "darner-rot-"));
});
after(async () => {
  await registry.close();
  rmSync(dir, { recursive: true, force: true });
});

function start(name: string, scrubBytesPerSecond: number): Promise<LoopbackProcess> {
  return LoopbackProcess.open("daemon", join(dir, name), {
    DARNER_SCHEDULERS: "[]",
    DARNER_REGISTRIES: JSON.stringify({ [registry.host]: { plainHttp: true } }),
    DARNER_STORE_SCRUB_BYTES_PER_SECOND: String(scrubBytesPerSecond),
  });
}

/** Reads a blob through a daemon's mirror; what came of it, whole or not. */
async function read(daemon: LoopbackProcess, { digest }: FixtureBlob): Promise<Buffer> {
  const response = await fetch(`http://${daemon.door("mirror")}/v2/${NAME}/blobs/${digest}?ns=${registry.host}`);
  const parts: Uint8Array[] = [];
  try {
    for await (const part of response.body ?? []) parts.push(part as Uint8Array);
  } catch {
    // A response that ends short is what a rotten blob may come to.
  }
  return Buffer.concat(parts);
}

function blobsOf(seed: string): FixtureBlob[] {
  return Array.from({ length: BLOBS }, (_, at) => registry.content.pushBlob(NAME, randomBlob(`${seed} ${String(at)}`, BLOB_BYTES).bytes));
}

const fileOf = (name: string, { digest }: FixtureBlob): string =>
  join(dir, name, "data", "store", "blobs", "sha256", digest.slice("sha256:".length));

/** Changes one bit in the middle of a file, as a disk would. */
function rot(path: string): void {
  const file = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, BLOB_BYTES / 2);
  writeSync(file, Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, BLOB_BYTES / 2);
  closeSync(file);
}

const getsOf = ({ digest }: FixtureBlob): number =>
  registry.requests.filter(({ method, path }) => method === "GET" && path.endsWith(digest)).length;

const sawRot = (daemon: LoopbackProcess, { digest }: FixtureBlob): boolean =>
  daemon.lines().some(({ message, task }) => String(message).startsWith("blob changed on the disk") && task === digest);

test("a bit that flips under a live daemon: the scrubber finds it, puts the blob aside, and the next pull fetches it again", async () => {
  const blobs = blobsOf("live");
  {
    await using daemon = await start("live", 0);
    for (const blob of blobs) assert.ok((await read(daemon, blob)).equals(blob.bytes));
  }
  await using daemon = await start("live", MIB);
  // The scrubber goes through the store in the order of the digests: the last has its turn in some ten seconds.
  const last = blobs.toSorted((a, b) => (a.digest < b.digest ? 1 : -1))[0] ?? assert.fail();
  const startedAt = performance.now();
  rot(fileOf("live", last));
  await until("the scrubber to find it", () => (sawRot(daemon, last) ? true : undefined), 60_000);
  console.log(
    `flipped under a live daemon: found after ${((performance.now() - startedAt) / 1000).toFixed(1)} s, ${String((BLOBS * BLOB_BYTES) / MIB)} MiB at 1 MiB/s`,
  );
  await until("it to be out of the way", () =>
    readdirSync(join(dir, "live", "data", "store", "blobs", "sha256")).includes(last.digest.slice(7)) ? undefined : true,
  );
  const before = getsOf(last);
  assert.ok((await read(daemon, last)).equals(last.bytes));
  assert.ok(getsOf(last) > before, "from the registry again");
  await until("it to be in its place again", () => (existsSync(fileOf("live", last)) ? true : undefined));
  assert.ok(readFileSync(fileOf("live", last)).equals(last.bytes), "and right on the disk");
  for (const blob of blobs.filter((each) => each !== last)) {
    const asked = getsOf(blob);
    assert.ok((await read(daemon, blob)).equals(blob.bytes));
    assert.equal(getsOf(blob), asked, "no other blob is fetched again");
  }
});

test("a bit that flips while no daemon runs is found at the first use after the restart, before a wrong byte leaves", async () => {
  const [blob = assert.fail()] = blobsOf("restart");
  {
    await using daemon = await start("restart", 0);
    assert.ok((await read(daemon, blob)).equals(blob.bytes));
  }
  rot(fileOf("restart", blob));
  await using daemon = await start("restart", 0);
  const first = await read(daemon, blob);
  assert.ok(first.equals(blob.bytes.subarray(0, first.length)), "not one wrong byte left");
  assert.ok(sawRot(daemon, blob));
  assert.ok((await read(daemon, blob)).equals(blob.bytes), "and then it is right");
  assert.equal(getsOf(blob) >= 2, true, "fetched again");
});

/** Seconds of CPU a process has had so far (proc(5): fields 14 and 15, in hundredths). */
function cpuSeconds(pid: number): number {
  const [, fields = ""] = /\) (.*)$/m.exec(readFileSync(`/proc/${String(pid)}/stat`, "utf8")) ?? [];
  const [user = 0, system = 0] = fields.split(" ").slice(11, 13).map(Number);
  return (user + system) / 100;
}

test("what the scrubber costs at its default rate is a small part of a core", async () => {
  const [SECONDS, RATE] = [8, 4 * MIB];
  {
    await using daemon = await start("cost", 0);
    for (const seed of [1, 2, 3]) for (const blob of blobsOf(`cost ${String(seed)}`)) await read(daemon, blob);
  }
  const costs: number[] = [];
  for (const rate of [0, RATE]) {
    await using daemon = await start("cost", rate);
    // What a start costs is over by then.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const before = cpuSeconds(daemon.pid);
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
    costs.push((cpuSeconds(daemon.pid) - before) / SECONDS);
  }
  const [idle = 0, scrubbing = 0] = costs;
  const share = (part: number): string => `${(part * 100).toFixed(1)} %`;
  console.log(`scrubber: ${share(scrubbing)} of a core at ${String(RATE / MIB)} MiB/s, ${share(idle)} without (over ${String(SECONDS)} s)`);
  assert.ok(scrubbing - idle < 0.15);
});
