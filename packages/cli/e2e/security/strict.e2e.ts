import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildImage, type BuiltImage } from "@darner/testkit";
import { Containerd } from "../harness/containerd.ts";
import { HostileCluster, REPOSITORY } from "./hostile/hostile-cluster.ts";

// `mirror.verify: strict` against a real lying host, with a plain client and a real containerd at two daemons at once.
const BYTES = 8 * 1024 * 1024;
const ROUNDS = 2;
const LIES = ["false-proof", "wrong-bytes"] as const;

type Released = {
  readonly bytes: number;
  readonly wrong: number;
  readonly firstMs: number;
  readonly ms: number;
  readonly isWhole: boolean;
};

/** Reads a blob as it comes and counts bytes that are not those of the blob. */
async function readOnce(url: string, right: Uint8Array): Promise<Released> {
  const startedAt = performance.now();
  let [bytes, wrong, firstMs] = [0, 0, NaN];
  try {
    const response = await fetch(url);
    for await (const part of response.body ?? []) {
      if (bytes === 0) firstMs = performance.now() - startedAt;
      for (const byte of part as Uint8Array) {
        if (byte !== right[bytes]) wrong += 1;
        bytes += 1;
      }
    }
  } catch {
    // It ended short, as a pull does whose proof failed.
  }
  return { bytes, wrong, firstMs, ms: performance.now() - startedAt, isWhole: bytes === right.length && wrong === 0 };
}

/** Bytes that containerd has written and not committed, compared with the layer they belong to. */
function wrongInIngests(root: string, layer: Uint8Array): number {
  const ingest = join(root, "root", "io.containerd.content.v1.content", "ingest");
  let wrong = 0;
  for (const name of readdirSync(ingest, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith("/data")) continue;
    const bytes = readFileSync(join(ingest, name));
    if (bytes.length > 100_000 && !bytes.equals(layer.subarray(0, bytes.length))) wrong += 1;
  }
  return wrong;
}

type Tally = { pulls: number; wrongBytes: number; failedPulls: number; poisonedIngests: number; firstMs: number[]; ms: number[] };

async function tell(verify: "strict" | "prompt"): Promise<Tally> {
  await using cluster = await HostileCluster.open(2, { DARNER_MIRROR_VERIFY: verify });
  const dir = mkdtempSync(join(tmpdir(), "darner-strict-"));
  const tally: Tally = { pulls: 0, wrongBytes: 0, failedPulls: 0, poisonedIngests: 0, firstMs: [], ms: [] };
  try {
    const [first, second] = cluster.daemons;
    assert.ok(first !== undefined && second !== undefined);
    await using containerd = await Containerd.open(undefined, dir, second.door("mirror"));
    for (const lie of LIES) {
      for (let round = 1; round <= ROUNDS; round++) {
        const image = buildImage({ layers: [{ bytes: BYTES, seed: `${verify} ${lie} ${String(round)}` }] });
        await oneRound(cluster, image, lie, { containerd, dir, url: `http://${first.door("mirror")}/v2` }, tally);
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return tally;
}

type Clients = { readonly containerd: Containerd; readonly dir: string; readonly url: string };

async function oneRound(
  cluster: HostileCluster,
  image: BuiltImage,
  lie: string,
  { containerd, dir, url }: Clients,
  tally: Tally,
): Promise<void> {
  const [layer] = image.layers;
  assert.ok(layer !== undefined);
  cluster.registry.content.push(REPOSITORY, image, "v1");
  await using _liar = await cluster.liar({ lie, blob: layer, name: lie, pieces: [5] });
  const name = `${cluster.registry.host}/${REPOSITORY}@${image.index.digest}`;
  const pulling = containerd.fetch(name);
  const read = await readOnce(`${url}/${REPOSITORY}/blobs/${layer.digest}?ns=${cluster.registry.host}`, layer.bytes);
  const pulled = await pulling;
  tally.pulls += 2;
  tally.wrongBytes += read.wrong;
  tally.failedPulls += (read.isWhole ? 0 : 1) + (pulled.ok ? 0 : 1);
  tally.poisonedIngests += wrongInIngests(dir, layer.bytes);
  tally.firstMs.push(read.firstMs);
  tally.ms.push(read.ms);
  if (pulled.ok) assert.equal(await containerd.sha256(layer.digest), layer.digest, "what containerd committed is right");
  await containerd.forgetIngests();
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

test("strict lets no wrong byte of a lying host out, to a client or into containerd's ingest; prompt may, and both cost what is printed", async () => {
  const tallies = { strict: await tell("strict"), prompt: await tell("prompt") };
  for (const [verify, { pulls, wrongBytes, failedPulls, poisonedIngests, firstMs, ms }] of Object.entries(tallies)) {
    console.log(
      `${verify}: ${String(pulls)} pulls among liars, ${String(wrongBytes)} wrong bytes to the client, ${String(poisonedIngests)} poisoned ingests, ` +
        `${String(failedPulls)} pulls ended short; first byte ${median(firstMs).toFixed(0)} ms, whole ${median(ms).toFixed(0)} ms (medians)`,
    );
  }
  const { strict } = tallies;
  assert.deepEqual([strict.wrongBytes, strict.poisonedIngests], [0, 0]);
});
