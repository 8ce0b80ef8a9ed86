// npm run bench:verify: what `mirror.verify: strict` costs beside `prompt`. Clusters of two daemons in this process, in turns; the second gets a
// blob from the first (all of it waits for the proof), then both get one at once. Absolute figures say little of other machines, the ratios do.
import { get } from "node:http";
import { seededBytes } from "@darner/testkit";
import { LocalCluster } from "../e2e/harness/local-cluster.ts";

const ROUNDS = 5;
const BLOB_BYTES = 64 * 1024 * 1024;
const REPOSITORY = "bench/app";
const SETTINGS = ["prompt", "strict"] as const;
const SHAPES = ["second after first", "both at once"] as const;

/** Milliseconds from the request to the head, to the first byte of the body and to its end. */
type Pull = { readonly head: number; readonly first: number; readonly whole: number };

function pull(mirror: string, registry: string, digest: string): Promise<Pull> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    get(`http://${mirror}/v2/${REPOSITORY}/blobs/${digest}?ns=${registry}`, { agent: false }, (response) => {
      const head = performance.now() - begun;
      let [first, bytes] = [NaN, 0];
      response.on("data", (chunk: Buffer) => {
        if (bytes === 0) first = performance.now() - begun;
        bytes += chunk.length;
      });
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200 && bytes === BLOB_BYTES) resolve({ head, first, whole: performance.now() - begun });
        else reject(new Error(`status ${String(response.statusCode)}, ${String(bytes)} bytes`));
      });
    }).on("error", reject);
  });
}

async function round(verify: (typeof SETTINGS)[number], shape: (typeof SHAPES)[number], seed: string): Promise<Pull> {
  await using cluster = await LocalCluster.open({ daemons: 2, config: { mirror: { verify } } });
  const { digest } = cluster.registry.content.pushBlob(REPOSITORY, seededBytes(seed, BLOB_BYTES));
  const [first, second] = cluster.daemons.map(({ addresses }) => addresses.mirror);
  if (first === undefined || second === undefined) throw new Error("two daemons were asked for");
  const feeding = pull(first, cluster.registry.host, digest);
  if (shape === "second after first") await feeding;
  const pulled = await pull(second, cluster.registry.host, digest);
  await feeding;
  return pulled;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

// The first pull of a process compiles what it runs.
await round("prompt", "second after first", "warm");
for (const shape of SHAPES) {
  const pulls = { prompt: [] as Pull[], strict: [] as Pull[] };
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    for (const verify of SETTINGS) pulls[verify].push(await round(verify, shape, `${verify} ${shape} ${String(turn)}`));
  }
  const of = (verify: (typeof SETTINGS)[number], what: keyof Pull): number => median(pulls[verify].map((each) => each[what]));
  for (const verify of SETTINGS) {
    const [head, first, whole] = [of(verify, "head"), of(verify, "first"), of(verify, "whole")].map((ms) => ms.toFixed(0));
    process.stdout.write(`${shape}, ${verify}: head ${String(head)} ms, first byte ${String(first)} ms, whole ${String(whole)} ms\n`);
  }
  const ratio = (what: keyof Pull): string => (of("strict", what) / of("prompt", what)).toFixed(2);
  process.stdout.write(`${shape}, strict / prompt: head ${ratio("head")}, first byte ${ratio("first")}, whole ${ratio("whole")}\n`);
}
