/**
 * One parent to one child on loopback, two processes: the piece channel against a bare `node:tls` + BLAKE3 + pwrite loop, alternating.
 * `node --conditions=source packages/daemon/bench/piece-channel.bench.ts [MiB] [rounds] [tls|none]`
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostIdOf, pieceCount, pieceLength, type Task } from "@darner/domain";
import { silentLog } from "@darner/runtime";
import { randomBlob } from "@darner/testkit";
import { openIdentity } from "../src/identity/identity.ts";
import { openGate } from "../src/membership/member-gate.ts";
import type { ChannelEncryption } from "../src/piece-channel/channel-event.ts";
import type { PieceFetcher } from "../src/piece-channel/piece-channel.ts";
import { openPieceFetcher } from "../src/piece-channel/piece-fetcher.ts";
import { openPieceServer } from "../src/piece-channel/piece-server.ts";
import { openDiskStore } from "../src/store/disk-store.ts";
import { fillBlob } from "../src/store/fill-blob.ts";
import type { BlobStore } from "../src/store/store.ts";
import { fetchBare, serveBare } from "./bare-loop.ts";

const MIB = 1024 * 1024;
const MODES = ["channel", "bare"] as const;

type Mode = (typeof MODES)[number];
type Plan = {
  readonly task: Task;
  readonly host: string;
  readonly pieces: string;
  readonly barePort: number;
  readonly encryption: ChannelEncryption;
};
type Measure = { readonly seconds: number; readonly cpuSeconds: number };

const openStore = (dir: string): Promise<BlobStore> => openDiskStore({ dir, maxBytes: 1e12, minFreeBytes: 0 }, { log: silentLog });

function cpuSeconds(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

async function runParent(bytes: number, rounds: number, encryption: ChannelEncryption): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "darner-bench-"));
  const identity = await openIdentity(dir);
  const store = await openStore(join(dir, "store"));
  const content = randomBlob("bench", bytes);
  const task = { digest: content.digest, size: content.size };
  const blob = await store.openOrCreate(task, {});
  await fillBlob(blob, {
    read: (offset, into) => {
      into.set(content.bytes.subarray(offset, offset + into.length));
      return Promise.resolve();
    },
  });
  const deps = { identity, store, lend: () => undefined, gate: openGate, log: silentLog, observe: () => {} };
  const server = await openPieceServer({ listen: "127.0.0.1:0", encryption }, deps);
  const bare = await serveBare(identity, blob.path);
  const plan: Plan = { task, host: identity.host, pieces: server.address, barePort: bare.port, encryption };
  const child = fork(new URL(import.meta.url), ["child", JSON.stringify(plan)], { execArgv: ["--conditions=source"] });
  await once(child, "message");
  await measureAll(child, bytes, rounds);
  child.disconnect();
  await once(child, "exit");
  await server[Symbol.asyncDispose]();
  bare[Symbol.dispose]();
  blob[Symbol.dispose]();
  await store[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
}

async function measureAll(child: ChildProcess, bytes: number, rounds: number): Promise<void> {
  const results: Record<Mode, Measure[]> = { channel: [], bare: [] };
  // The first round warms both up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const mode of MODES) {
      const before = process.cpuUsage();
      child.send(mode);
      const [measure] = (await once(child, "message")) as [Measure];
      const both = { seconds: measure.seconds, cpuSeconds: measure.cpuSeconds + cpuSeconds(before) };
      if (round > 0) results[mode].push(both);
      print(`${mode} ${String(round)}`, both, bytes);
    }
  }
  const [channel, bare] = MODES.map((mode) => ({
    seconds: median(results[mode].map(({ seconds }) => seconds)),
    cpuSeconds: median(results[mode].map(({ cpuSeconds }) => cpuSeconds)),
  }));
  if (channel === undefined || bare === undefined) return;
  print("channel, median", channel, bytes);
  print("bare, median", bare, bytes);
  console.log(`ratio of rates ${(bare.seconds / channel.seconds).toFixed(2)}, of CPU ${(channel.cpuSeconds / bare.cpuSeconds).toFixed(2)}`);
}

function print(name: string, { seconds, cpuSeconds }: Measure, bytes: number): void {
  const gigabytes = bytes / 1e9;
  console.log(`${name.padEnd(18)} ${(bytes / 1e6 / seconds).toFixed(0).padStart(5)} MB/s  ${(cpuSeconds / gigabytes).toFixed(2)} CPU-s/GB`);
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

/** One pull: every piece through the channel into the store, then out of it again. */
async function fetchThrough(fetcher: PieceFetcher, store: BlobStore, plan: Plan): Promise<void> {
  const blob = await store.openOrCreate(plan.task, {});
  const landed: Promise<void>[] = [];
  const failure = await fetcher.fetch({
    parent: { host: hostIdOf(plan.host), address: plan.pieces },
    task: plan.task,
    run: { first: 0, stride: 1, count: pieceCount(plan.task.size) },
    sink: {
      begin: (piece) => blob.writePiece(piece),
      end: (piece, writer) => {
        landed.push(
          writer.finish().then((hash) => {
            blob.markVerified([{ piece, hash }]);
          }),
        );
      },
    },
    signal: new AbortController().signal,
  });
  await Promise.all(landed);
  if (failure !== undefined || !blob.have.isFull) throw new Error(`not fetched: ${String(failure)}`);
  await blob.quarantine("the next round begins with nothing");
  blob[Symbol.dispose]();
}

async function runChild(plan: Plan): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "darner-bench-"));
  const identity = await openIdentity(dir);
  const store = await openStore(join(dir, "store"));
  const fetcher = openPieceFetcher({ encryption: plan.encryption }, { identity, gate: openGate, log: silentLog, observe: () => {} });
  const fetchBlob = (): Promise<void> => fetchThrough(fetcher, store, plan);
  process.on("message", (mode: Mode) => {
    const before = process.cpuUsage();
    const begun = performance.now();
    const run =
      mode === "bare" ? fetchBare(identity, plan.barePort, join(dir, "bare"), plan.task.size, pieceLength(plan.task.size)) : fetchBlob();
    void run.then(() => process.send?.({ seconds: (performance.now() - begun) / 1000, cpuSeconds: cpuSeconds(before) }));
  });
  process.send?.("ready");
  await once(process, "disconnect");
  await fetcher[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
}

const [first = "512", rounds = "5", encryption = "tls"] = process.argv.slice(2);
if (first === "child") await runChild(JSON.parse(rounds) as Plan);
else await runParent(Number(first) * MIB, Number(rounds), encryption === "none" ? "none" : "tls");
