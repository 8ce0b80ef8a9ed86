import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openScriptedRegistry, openTempDir, randomBlob, type ScriptedRegistry, type TempDir } from "@darner/testkit";
import { LoopbackProcess } from "../../packages/cli/e2e/harness/loopback-process.ts";
import { Running } from "../../packages/cli/e2e/harness/running.ts";
import { must, run, until } from "../../packages/cli/e2e/harness/shell.ts";
import { bundle, PATH_INTERPRETER } from "../bundle/bundle.ts";
import { builtBundle, contentsOf, ROOT } from "./harness/built.ts";

const SOURCE = ["--conditions=source", join(ROOT, "packages/cli/src/main.ts")];
// The target of the design for a daemon with a scheduler, libp2p not loaded.
const IDLE_BYTES = 130 * 1024 * 1024;

let dir: TempDir;
let main: string;
let registry: ScriptedRegistry;
before(async () => {
  dir = await openTempDir();
  registry = await openScriptedRegistry();
  // Away from the checkout: no node_modules above it that could help out.
  cpSync(builtBundle(), join(dir.path, "darner"), { recursive: true });
  main = join(dir.path, "darner", "main.js");
});
after(async () => {
  await registry.close();
  await dir[Symbol.asyncDispose]();
});

/** `darner` from the bundle, with nothing of this environment but a PATH. */
function fromBundle(...words: string[]): Promise<string> {
  return must(["env", "-i", `-C/`, "PATH=/usr/bin:/bin", process.execPath, main, ...words]);
}

test("a bundle built twice is the same to the last byte", async () => {
  const again = await bundle({ root: ROOT, out: join(dir.path, "again"), archs: ["x64"], interpreter: PATH_INTERPRETER });
  assert.deepEqual(contentsOf(again.out), contentsOf(builtBundle()));
  const files = Object.values(again.metafile.outputs);
  const foreign = files.flatMap(({ imports }) => imports.filter((each) => each.external === true && !isBuiltin(each.path)));
  assert.deepEqual(foreign, [], "it imports nothing but itself and Node");
});

test("nothing in a bundle tells where it was built", () => {
  for (const name of readdirSync(builtBundle(), { recursive: true, encoding: "utf8" })) {
    if (/\.(?:js|json|proto)$/.test(name)) assert.ok(!readFileSync(join(builtBundle(), name), "utf8").includes(ROOT), name);
  }
});

test("every command says of itself what it says from the checkout", async () => {
  const help = await fromBundle("--help");
  assert.equal(help, await must([process.execPath, ...SOURCE, "--help"]));
  const commands = [...help.matchAll(/^ {2}([a-z-]+) /gm)].map((match) => match[1] ?? "");
  assert.ok(commands.length >= 16, help);
  for (const command of ["daemon", "scheduler", "node-setup", "version"]) {
    assert.ok(commands.includes(command));
    assert.equal(await fromBundle(command, "--help"), await must([process.execPath, ...SOURCE, command, "--help"]));
  }
  assert.equal(await fromBundle("version"), await must([process.execPath, ...SOURCE, "version"]));
});

test("a bundle is a program: its file starts by itself", async () => {
  assert.match(await must([main, "version"]), /^darner [0-9.]+\n$/);
});

test("the simulator plays the same run in the bundle", async () => {
  const words = ["simulate", "--peers", "6", "--size", "4MiB", "--json"];
  // Exit code 1 where so small a swarm misses a figure of the scenario: the run counts here, not how well it went.
  const trace = async (command: readonly string[]): Promise<unknown> =>
    (JSON.parse((await run([...command, ...words])).stdout) as { trace?: unknown }).trace;
  const played = await trace([process.execPath, main]);
  assert.match(String(played), /^[0-9a-f]{16}$/);
  assert.equal(played, await trace([process.execPath, ...SOURCE]));
});

test("scheduler and daemon of a bundle: a token, a join over TLS, a blob through the mirror, proven by its thread", async () => {
  const blob = randomBlob("bundle", 3_000_000);
  registry.content.pushBlob("team/app", blob.bytes);
  const home = join(dir.path, "cluster");
  const schedulerData = join(home, "data");
  mkdirSync(home);
  writeFileSync(join(home, "token"), await fromBundle("token", "create", "--dataDir", schedulerData));
  const secured = { DARNER_JOIN_INSECURE: "false" };
  await using scheduler = await LoopbackProcess.open("scheduler", home, secured);
  await using daemon = await LoopbackProcess.open("daemon", join(dir.path, "node"), {
    ...secured,
    DARNER_JOIN_TOKEN_FILE: join(home, "token"),
    DARNER_SCHEDULERS: JSON.stringify([scheduler.door("grpc")]),
    DARNER_REGISTRIES: JSON.stringify({ [registry.host]: { plainHttp: true } }),
  });
  await until("the daemon to be a member", () => daemon.lines().find(({ message }) => message === "scheduler answers"));
  const answer = await fetch(`http://${daemon.door("mirror")}/v2/team/app/blobs/${blob.digest}?ns=${registry.host}`);
  assert.equal(answer.status, 200);
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(blob.bytes));
  assert.match(await fromBundle("status", "--admin", daemon.door("admin")), /^store .* 1 blob$/m);
});

test("node-setup of a bundle tells containerd of the mirror while a daemon is ready, and puts every byte back", async () => {
  const node = join(dir.path, "host");
  const hosts = join(node, "etc/containerd/certs.d/_default/hosts.toml");
  mkdirSync(join(node, "etc/containerd/certs.d"), { recursive: true });
  const config = `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n`;
  writeFileSync(join(node, "etc/containerd/config.toml"), config);
  const untouched = contentsOf(join(node, "etc"));
  await using daemon = await LoopbackProcess.open("daemon", join(dir.path, "ready"), {});
  const lease = ["--root", node, "--state-dir", "/state", "--ready", `http://${daemon.door("metrics")}/readyz`];
  await using setup = new Running({
    name: "node-setup",
    command: [process.execPath, main, "node-setup", ...lease],
    logFile: join(dir.path, "node-setup.log"),
  });
  await until("hosts.toml", () => {
    if (!setup.alive) throw new Error(`node-setup ended: ${setup.log()}`);
    return existsSync(hosts) || undefined;
  });
  assert.match(readFileSync(hosts, "utf8"), /127\.0\.0\.1:4101/);
  await setup.stop();
  assert.equal(setup.exitCode, 0, setup.log());
  assert.deepEqual(contentsOf(join(node, "etc")), untouched);
});

test("an idle daemon of the bundle has at most 130 MiB and starts on less than the processor time of the source", async (t) => {
  const built = await measure("built");
  const bundled = process.env["DARNER_E2E_BUNDLE"];
  delete process.env["DARNER_E2E_BUNDLE"];
  const source = await measure("source");
  process.env["DARNER_E2E_BUNDLE"] = bundled;
  const ratio = (key: "cpuMs" | "idleBytes"): string => (built[key] / source[key]).toFixed(2);
  const told = `daemon: ${String(built.cpuMs)} ms of processor time to be ready (${ratio("cpuMs")} of the source's), ${mib(built.idleBytes)} idle (${ratio("idleBytes")})`;
  t.diagnostic(told);
  console.log(told);
  assert.ok(built.idleBytes <= IDLE_BYTES, told);
  assert.ok(built.cpuMs <= 0.7 * source.cpuMs, told);
});

/** What a daemon with a scheduler cost until it was ready, and what memory it has then. Both are compiled anew: other suites compiled the source before. */
async function measure(name: string): Promise<{ readonly cpuMs: number; readonly idleBytes: number }> {
  const anew = { NODE_DISABLE_COMPILE_CACHE: "1" };
  await using scheduler = await LoopbackProcess.open("scheduler", join(dir.path, `${name}-scheduler`), anew);
  const schedulers = { ...anew, DARNER_SCHEDULERS: JSON.stringify([scheduler.door("grpc")]) };
  await using daemon = await LoopbackProcess.open("daemon", join(dir.path, `${name}-daemon`), schedulers);
  const cpuMs = cpuOf(daemon.pid);
  await until("the scheduler to be found", () => daemon.lines().find(({ message }) => message === "scheduler answers"));
  return { cpuMs, idleBytes: residentBytes(daemon.pid) };
}

// proc_pid_stat(5): user and system time in ticks of 10 ms are the 14th and 15th field, the 12th and 13th behind the name.
function cpuOf(pid: number): number {
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, "utf8")
      .split(") ")[1]
      ?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1]) * 1024;
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
