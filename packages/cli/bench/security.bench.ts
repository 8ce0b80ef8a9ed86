// npm run bench:security: what encryption, membership and access checks cost together. Real processes: a scheduler and two daemons, once with all
// of it (TLS between hosts, join tokens, admissions, the registry asked about every caller) and once with all of it off, in turns; the second
// daemon gets a blob from the first. Absolute figures say little of other machines, the ratios of one run do; a second run of "off" against
// "off" in the same turns says how much of a ratio is noise.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openScriptedRegistry, seededBytes, type ScriptedRegistry } from "@darner/testkit";
import { darnerCommand } from "../e2e/harness/darner-command.ts";
import { LoopbackProcess } from "../e2e/harness/loopback-process.ts";
import { must, until } from "../e2e/harness/shell.ts";

const ROUNDS = 7;
const BLOB_BYTES = 32 * 1024 * 1024;
const REPOSITORY = "bench/app";
// `control` is `off` once more.
const SETTINGS = ["on", "off", "control"] as const;

type Setting = (typeof SETTINGS)[number];
/** One pull by the second daemon: seconds on the clock, and CPU seconds of both daemons and the scheduler. */
type Pull = { readonly seconds: number; readonly cpuSeconds: number };
type Swarm = AsyncDisposable & { pull(round: number): Promise<Pull> };

/** What every process of a swarm is told: all of it is the default, and has to be switched off. */
function configOf(setting: Setting): Readonly<Record<string, string>> {
  if (setting === "on") return { DARNER_JOIN_INSECURE: "false", DARNER_PIECES_ENCRYPTION: "tls", DARNER_ACCESS_MODE: "upstream" };
  return { DARNER_JOIN_INSECURE: "true", DARNER_PIECES_ENCRYPTION: "none", DARNER_ACCESS_MODE: "open" };
}

async function openSwarm(setting: Setting, registry: ScriptedRegistry): Promise<Swarm> {
  await using births = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), `darner-bench-${setting}-`));
  births.defer(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  const config = configOf(setting);
  const scheduler = births.use(await LoopbackProcess.open("scheduler", join(dir, "scheduler"), config));
  const tokenFile = join(dir, "token");
  const token = await must(darnerCommand("token", "create", "--dataDir", join(dir, "scheduler", "data")));
  writeFileSync(tokenFile, token, { mode: 0o600 });
  const daemonConfig = {
    ...config,
    ...(setting === "on" ? { DARNER_JOIN_TOKEN_FILE: tokenFile } : {}),
    DARNER_SCHEDULERS: JSON.stringify([scheduler.door("grpc")]),
    DARNER_ADVERTISE: "127.0.0.1",
    DARNER_REGISTRIES: JSON.stringify({ [registry.host]: { plainHttp: true } }),
    DARNER_STORE_SCRUB_BYTES_PER_SECOND: "0",
  };
  const open = async (name: string): Promise<LoopbackProcess> => {
    const daemon = births.use(await LoopbackProcess.open("daemon", join(dir, name), { ...daemonConfig, DARNER_NAME: name }));
    await until("the scheduler to be found", async () => {
      const status = await (await fetch(`http://${daemon.door("admin")}/api/v1/status`)).text();
      return status.includes('"scheduler":null') ? undefined : true;
    });
    return daemon;
  };
  const [first, second] = [await open("first"), await open("second")];
  const all = [scheduler, first, second];
  const lives = births.move();
  return {
    pull: async (round) => {
      const { digest } = registry.content.pushBlob(REPOSITORY, seededBytes(`${setting} ${String(round)}`, BLOB_BYTES));
      await fetchWhole(first.door("mirror"), registry.host, digest);
      const before = cpuSeconds(all);
      const begun = performance.now();
      await fetchWhole(second.door("mirror"), registry.host, digest);
      const seconds = (performance.now() - begun) / 1000;
      return { seconds, cpuSeconds: cpuSeconds(all) - before };
    },
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

async function fetchWhole(mirror: string, registry: string, digest: string): Promise<void> {
  const answer = await fetch(`http://${mirror}/v2/${REPOSITORY}/blobs/${digest}?ns=${registry}`, { headers: { connection: "close" } });
  let bytes = 0;
  for await (const chunk of answer.body ?? []) bytes += (chunk as Uint8Array).length;
  if (answer.status !== 200 || bytes !== BLOB_BYTES) throw new Error(`status ${String(answer.status)}, ${String(bytes)} bytes`);
}

/** CPU of processes so far (proc(5): fields 14 and 15, in hundredths of a second). */
function cpuSeconds(processes: readonly LoopbackProcess[]): number {
  const ticks = processes.flatMap(({ pid }) => {
    const [, fields = ""] = /\) (.*)$/m.exec(readFileSync(`/proc/${String(pid)}/stat`, "utf8")) ?? [];
    return fields.split(" ").slice(11, 13).map(Number);
  });
  return ticks.reduce((sum, value) => sum + value, 0) / 100;
}

/** Median, and the smallest and largest. */
function spread(values: readonly number[]): { readonly median: number; readonly text: string } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? NaN;
  const median = at(Math.floor(sorted.length / 2));
  return { median, text: `${median.toFixed(2)} (${at(0).toFixed(2)} to ${at(sorted.length - 1).toFixed(2)})` };
}

async function main(): Promise<void> {
  await using lives = new AsyncDisposableStack();
  const registry = lives.use(await openScriptedRegistry());
  const swarms = {
    on: await openSwarm("on", registry),
    off: await openSwarm("off", registry),
    control: await openSwarm("control", registry),
  };
  for (const swarm of Object.values(swarms)) lives.use(swarm);
  const pulls: Record<Setting, Pull[]> = { on: [], off: [], control: [] };
  // The first pull of a process compiles what it runs.
  for (const setting of SETTINGS) await swarms[setting].pull(-1);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const setting of SETTINGS) pulls[setting].push(await swarms[setting].pull(round));
  }
  const all = (setting: Setting, what: keyof Pull): number[] => pulls[setting].map((each) => each[what]);
  // Each round's ratio is of pulls that followed each other: a machine that is slow for a minute is slow for both.
  const ratio = (one: Setting, other: Setting, what: keyof Pull): string =>
    spread(all(one, what).map((value, at) => value / (all(other, what)[at] ?? NaN))).text;
  process.stdout.write(`32 MiB from the first daemon to the second, ${String(ROUNDS)} rounds in turns; median (smallest to largest)\n`);
  for (const setting of SETTINGS)
    process.stdout.write(
      `${setting.padEnd(8)} ${spread(all(setting, "seconds")).text} s, ${spread(all(setting, "cpuSeconds")).text} CPU-s\n`,
    );
  process.stdout.write(`on / off       time ${ratio("on", "off", "seconds")}, CPU ${ratio("on", "off", "cpuSeconds")}\n`);
  process.stdout.write(
    `control / off  time ${ratio("control", "off", "seconds")}, CPU ${ratio("control", "off", "cpuSeconds")}: what is noise\n`,
  );
}

await main();
