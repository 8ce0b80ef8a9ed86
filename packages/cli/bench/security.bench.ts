// npm run bench:security: what encryption and access checks cost. A cluster of two daemons in this process, with all of it and with all of it
// off, in turns; the second daemon gets a blob from the first. Absolute figures say little of other machines, the ratios do.
import { seededBytes } from "@darner/testkit";
import { LocalCluster } from "../e2e/harness/local-cluster.ts";

const ROUNDS = 5;
const BLOB_BYTES = 64 * 1024 * 1024;
const REPOSITORY = "bench/app";

const SETTINGS = {
  secure: { pieces: { encryption: "tls" }, access: { mode: "upstream" } },
  open: { pieces: { encryption: "none" }, access: { mode: "open" } },
} as const;

type Setting = keyof typeof SETTINGS;
/** One pull by the second daemon: seconds on the clock, and CPU seconds of this process, which is both hosts, scheduler and client. */
type Pull = { readonly seconds: number; readonly cpuSeconds: number };

async function fetchWhole(mirror: string, registry: string, digest: string): Promise<void> {
  const answer = await fetch(`http://${mirror}/v2/${REPOSITORY}/blobs/${digest}?ns=${registry}`, { headers: { connection: "close" } });
  let bytes = 0;
  for await (const chunk of answer.body ?? []) bytes += (chunk as Uint8Array).length;
  if (answer.status !== 200 || bytes !== BLOB_BYTES) throw new Error(`status ${String(answer.status)}, ${String(bytes)} bytes`);
}

async function pull(setting: Setting, round: number): Promise<Pull> {
  await using cluster = await LocalCluster.open({ daemons: 2, config: SETTINGS[setting] });
  const { digest } = cluster.registry.content.pushBlob(REPOSITORY, seededBytes(`${setting} ${String(round)}`, BLOB_BYTES));
  const [first, second] = cluster.daemons;
  if (first === undefined || second === undefined) throw new Error("two daemons were asked for");
  await fetchWhole(first.addresses.mirror, cluster.registry.host, digest);
  const before = process.cpuUsage();
  const begun = performance.now();
  await fetchWhole(second.addresses.mirror, cluster.registry.host, digest);
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - begun) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

const pulls: Record<Setting, Pull[]> = { secure: [], open: [] };
// The first pull of a process compiles what it runs.
await pull("open", -1);
for (let round = 0; round < ROUNDS; round += 1) {
  for (const setting of ["secure", "open"] as const) pulls[setting].push(await pull(setting, round));
}
const of = (setting: Setting, what: keyof Pull): number => median(pulls[setting].map((each) => each[what]));
for (const setting of ["secure", "open"] as const) {
  process.stdout.write(
    `${setting.padEnd(7)} ${of(setting, "seconds").toFixed(3)} s, ${of(setting, "cpuSeconds").toFixed(3)} CPU-s (medians of ${String(ROUNDS)})\n`,
  );
}
const ratio = (what: keyof Pull): string => (of("secure", what) / of("open", what)).toFixed(2);
process.stdout.write(`secure / open: time ${ratio("seconds")}, CPU ${ratio("cpuSeconds")} (64 MiB from the first daemon to the second)\n`);
