// npm run bench:security [-- --rounds N] [--report FILE]: what encryption, membership and access checks cost. Real processes: a scheduler and two
// daemons for each setting. In each round, the settings in turns and another one first each time, the second daemon gets a large blob from
// the first and then answers many requests for a small one that it has. Two swarms with all of it off say how much of a ratio is noise.
import { writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkedOutCommit } from "../../../scripts/check/checked-out-commit.ts";
import { GeneratedRegistry, type GeneratedBlob } from "../e2e/harness/generated-registry.ts";
import { pageOf } from "./security/report.ts";
import { SETTINGS, type Sample, type Setting } from "./security/settings.ts";
import { openSwarm, type Swarm } from "./security/swarm.ts";
import { CpuMeter, type CpuTime } from "./swarm/cpu-meter.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
// A second of CPU for who gets it, counted in hundredths.
const BLOB_BYTES = 256 * 1024 * 1024;
const SMALL_BYTES = 4096;
const REQUESTS = 500;
const GB = 1e9;
const OPTIONS = { rounds: { type: "string", default: "15" }, report: { type: "string" } } as const;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Reads a blob through a mirror to its end. */
function read(mirror: string, registry: string, { digest, size }: GeneratedBlob): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`http://${mirror}/v2/bench/app/blobs/${digest}?ns=${registry}`, { agent }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => (bytes += chunk.length));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200 && bytes === size) resolve();
        else reject(new Error(`status ${String(response.statusCode)}, ${String(bytes)} bytes`));
      });
    }).on("error", reject);
  });
}

async function sample({ pids, parent, child }: Swarm, registry: string, blob: GeneratedBlob, small: GeneratedBlob): Promise<Sample> {
  await read(parent, registry, blob);
  const pulling = new CpuMeter(pids);
  const begun = performance.now();
  await read(child, registry, blob);
  const seconds = (performance.now() - begun) / 1000;
  const { parts } = pulling.read({});
  await read(child, registry, small);
  const answering = new CpuMeter(pids);
  for (let nth = 0; nth < REQUESTS; nth += 1) await read(child, registry, small);
  const answers = answering.read({}).parts;
  const perGb = (...names: readonly string[]): number => names.reduce((sum, name) => sum + cpuOf(parts[name]), 0) / (BLOB_BYTES / GB);
  return {
    childCpu: perGb("child"),
    parentCpu: perGb("parent"),
    allCpu: perGb("child", "parent", "scheduler"),
    seconds,
    request: (cpuOf(answers["child"]) * 1000) / REQUESTS,
  };
}

function cpuOf(time: CpuTime | undefined): number {
  return time === undefined ? 0 : time.user + time.system;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  await using lives = new AsyncDisposableStack();
  const registry = lives.use(await GeneratedRegistry.open());
  const swarms = new Map<Setting, Swarm>();
  for (const setting of SETTINGS) swarms.set(setting, lives.use(await openSwarm(setting, registry.host)));
  const small = registry.add(SMALL_BYTES, 1);
  const rounds: Record<Setting, Sample>[] = [];
  // The first round compiles what runs, and does not count.
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const blob = registry.add(BLOB_BYTES, round + 2);
    const samples: Partial<Record<Setting, Sample>> = {};
    for (let nth = 0; nth < SETTINGS.length; nth += 1) {
      const setting = SETTINGS[(nth + round) % SETTINGS.length] ?? "on";
      const swarm = swarms.get(setting);
      if (swarm !== undefined) samples[setting] = await sample(swarm, registry.host, blob, small);
    }
    if (round > 0) rounds.push(samples as Record<Setting, Sample>);
    // A run that is cut short has said what it measured.
    process.stderr.write(`round ${String(round)} of ${values.rounds}: ${JSON.stringify(samples)}\n`);
  }
  agent.destroy();
  const page = pageOf(rounds, { commit: checkedOutCommit(), blobBytes: BLOB_BYTES, requests: REQUESTS });
  process.stdout.write(page);
  if (values.report !== undefined) writeFileSync(join(ROOT, `${values.report}.md`), page);
}

await main();
