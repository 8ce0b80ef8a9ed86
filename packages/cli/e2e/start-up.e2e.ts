import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { buildImage, openScriptedRegistry, openTempDir, randomBlob, type ScriptedRegistry, type TempDir } from "@darner/testkit";
import { darnerCommand } from "./harness/darner-command.ts";
import { Running } from "./harness/running.ts";
import { run, until } from "./harness/shell.ts";

// Real processes on plain loopback: no namespaces, no root, no containerd.
const DOORS = ["mirror", "pieces", "p2p", "admin", "metrics", "grpc", "http"] as const;
const NOBODY = "65534";

type Command = "up" | "daemon" | "scheduler";
type Start = {
  readonly config?: string | Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Words before the command line, to run it as somebody else. */
  readonly as?: readonly string[];
};
type Json = Readonly<Record<string, string>>;

let dir: TempDir;
let started: Running[];
let registry: ScriptedRegistry;
before(async () => void (registry = await openScriptedRegistry()));
after(() => registry.close());
beforeEach(async () => {
  dir = await openTempDir();
  started = [];
});
afterEach(async () => {
  for (const each of started) await each.kill();
  await dir[Symbol.asyncDispose]();
});

const dataDir = (): string => join(dir.path, "data");
const listenAnywhere = Object.fromEntries(DOORS.map((door) => [door, "127.0.0.1:0"]));
const sane = (): Record<string, unknown> => ({
  dataDir: dataDir(),
  listen: listenAnywhere,
  join: { insecure: true },
  registries: { [registry.host]: { plainHttp: true } },
  store: { minFreeBytes: "1MiB" },
});

/** Starts a real process with a configuration file of its own. */
function start(command: Command, { config = sane(), env = {}, args = [], as = [] }: Start = {}): Running {
  const number = String(started.length);
  const file = join(dir.path, `config-${number}.yaml`);
  writeFileSync(file, typeof config === "string" ? config : JSON.stringify(config));
  const words = [...as, ...darnerCommand(command, "--config", file, ...args)];
  const process_ = new Running({
    name: command,
    command: words,
    logFile: join(dir.path, `${command}-${number}.log`),
    env: { HOME: dir.path, ...env },
  });
  started.push(process_);
  return process_;
}

/** The line of the log that says `message`, once it is there. */
function logged(process_: Running, message: string): Promise<Json> {
  return until(`"${message}" of ${process_.name}`, () => {
    const line = process_
      .log()
      .split("\n")
      .find((text) => text.startsWith("{") && text.endsWith("}") && (JSON.parse(text) as Json)["message"] === message);
    if (line !== undefined) return JSON.parse(line) as Json;
    if (!process_.alive) throw new Error(`${process_.name} ended:\n${process_.log()}`);
    return undefined;
  });
}

/** Starts a process that cannot start, and checks that it says why and ends with exit code 2. */
async function assertRefused(command: Command, plan: Start, ...said: readonly (RegExp | string)[]): Promise<void> {
  const refused = start(command, plan);
  await refused.ended();
  const log = refused.log();
  for (const words of said)
    assert.ok(typeof words === "string" ? log.includes(words) : words.test(log), `${String(words)} is not in:\n${log}`);
  assert.equal(refused.exitCode, 2, log);
  assert.doesNotMatch(log, /^\s+at /m, "no stack trace: it is for people");
}

/** A port of loopback that somebody listens at until it is disposed. */
async function takenPort(): Promise<AsyncDisposable & { readonly port: string }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    server.close();
    await once(server, "close");
  };
  return { port: String((server.address() as AddressInfo).port), [Symbol.asyncDispose]: close };
}

async function blobBytes(mirror: string, path: string): Promise<Uint8Array> {
  const response = await fetch(`http://${mirror}/v2/${path}?ns=${registry.host}`);
  assert.equal(response.status, 200);
  return new Uint8Array(await response.arrayBuffer());
}

test("everything wrong in a configuration is told at once, each with its path, place and what was meant", async () => {
  const config =
    'dataDirr: /x\nlisten:\n  miror: "127.0.0.1:0"\n  pieces: nowhere\nstore: { maxBytes: lots }\nmirror:\n  allow: "**"\nfrobnicate: 1\n';
  const said = [
    /dataDirr: .*did you mean dataDir\?.*\.yaml:1:1/,
    /listen\.miror: .*did you mean .*mirror\?.*\.yaml:3:3/,
    /listen\.pieces: .*\.yaml:4:3/,
    /store\.maxBytes: .*\.yaml:5:10/,
    /mirror\.allow: .*\.yaml:7:3/,
    /frobnicate: .*\.yaml:8:1/,
  ];
  for (const command of ["daemon", "scheduler", "up"] as const) await assertRefused(command, { config }, ...said);
});

test("a file that is no YAML is told with line and column; one that is not there, or a list, too", async () => {
  await assertRefused("daemon", { config: "dataDir: /x\nlisten: { mirror: [\n" }, /config-0\.yaml: is not YAML: .*config-0\.yaml:\d+:\d+/);
  await assertRefused("daemon", { config: "- a\n- b\n" }, /config-1\.yaml: must be a map of keys/);
  await assertRefused(
    "daemon",
    { args: ["--config", "/there/is/none.yaml"] },
    "/there/is/none.yaml: cannot be read: there is no such file",
  );
});

for (const [command, doors] of [
  ["daemon", ["mirror", "pieces", "p2p", "admin", "metrics"]],
  ["scheduler", ["grpc", "http"]],
] as const) {
  for (const door of doors) {
    test(`${command}: a port that is taken at listen.${door} is named with its address and key`, async () => {
      await using taken = await takenPort();
      const { port } = taken;
      const config = { ...sane(), listen: { ...listenAnywhere, [door]: `127.0.0.1:${port}` } };
      await assertRefused(
        command,
        { config },
        `address 127.0.0.1:${port} (listen.${door}) is in use by another process: stop it or set listen.${door}`,
      );
    });
  }
}

test("an address of another machine, and one that may not be listened at, are named", async () => {
  // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
  const config = { ...sane(), listen: { ...listenAnywhere, mirror: "192.0.2.1:0" } };
  await assertRefused(
    "daemon",
    { config },
    "address 192.0.2.1:0 (listen.mirror) is not an address of this machine: set listen.mirror to one",
  );
});

test("a data directory that is a file, lies below one, or cannot be made, is named with what to do", async () => {
  const file = join(dir.path, "file");
  writeFileSync(file, "");
  for (const path of [file, join(file, "below")]) {
    await assertRefused(
      "daemon",
      { config: { ...sane(), dataDir: path } },
      `data directory ${path} (dataDir) is not a directory, or a part of its path is not: remove what is in the way or set dataDir`,
    );
  }
  await assertRefused(
    "daemon",
    { config: { ...sane(), dataDir: "/proc/darner" } },
    /data directory \/proc\/darner \(dataDir\) .*set dataDir to another directory/,
  );
});

test(
  "a data directory of somebody else is named with what to do",
  { skip: process.getuid?.() === 0 && existsSync("/usr/bin/setpriv") ? false : "needs root to become somebody else" },
  async (t) => {
    const as = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    chmodSync(dir.path, 0o755);
    const reads = await run([...as, ...darnerCommand("version")]);
    if (!reads.ok) {
      t.skip("others may not read this checkout");
      return;
    }
    mkdirSync(dataDir(), { mode: 0o755 });
    await assertRefused(
      "daemon",
      { as },
      `data directory ${dataDir()} (dataDir) is not writable by this user: give it to the user or set dataDir to another directory`,
    );
  },
);

test("a data directory that another daemon uses is named with that process, and the other lives on", async () => {
  const first = start("daemon");
  const { mirror = "" } = await logged(first, "daemon ready");
  await assertRefused(
    "daemon",
    {},
    `data directory ${dataDir()} (dataDir) is in use by process ${String(first.pid)} (darner daemon): stop it or set dataDir`,
  );
  assert.equal((await fetch(`http://${mirror}/v2/`)).status, 200);
});

test("a data directory of a newer version is left alone", async () => {
  mkdirSync(dataDir());
  writeFileSync(join(dataDir(), "VERSION"), "99\nwritten by darner 9.9.9\n");
  await assertRefused(
    "daemon",
    {},
    /data directory .* has format 99, written by darner 9\.9\.9; this is darner .*: run that version or a newer one, or set dataDir/,
  );
  writeFileSync(join(dataDir(), "VERSION"), "my own notes\n");
  await assertRefused("daemon", {}, /has a VERSION file that is not Darner's/);
});

test("a host key that is none is named, and not replaced", async () => {
  mkdirSync(dataDir());
  const key = join(dataDir(), "host.key");
  writeFileSync(key, "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n");
  await assertRefused("daemon", {}, `${key} holds no Ed25519 private key (host key): put it back from a copy, or remove it`);
});

test("files that the configuration names and that are not there are named with their key", async () => {
  const registries = { "harbor.example": { caFile: join(dir.path, "ca.pem") } };
  await assertRefused(
    "daemon",
    { config: { ...sane(), registries } },
    `cannot read ${join(dir.path, "ca.pem")} (registries.harbor.example.caFile)`,
  );
  const credentials = { username: "ada", passwordFile: join(dir.path, "password") };
  await assertRefused(
    "daemon",
    { config: { ...sane(), registries: { "harbor.example": { credentials } } } },
    `cannot read ${join(dir.path, "password")} (registries.harbor.example.credentials.passwordFile)`,
  );
});

test("variables override the file, flags override variables, and an unknown variable is warned of", async () => {
  const env = { DARNER_NAME: "of-the-variable", DARNER_ZONE: "z1", DARNER_STORE_MAX_BYTES: "3GiB", DARNER_MIROR: "x" };
  const daemon = start("daemon", { config: { ...sane(), name: "of-the-file", zone: "z0" }, env, args: ["--zone", "z2"] });
  const { admin = "" } = await logged(daemon, "daemon ready");
  const status = (await (await fetch(`http://${admin}/api/v1/status`)).json()) as {
    name: string;
    zone: string;
    store: { maxBytes: number };
  };
  assert.deepEqual([status.name, status.zone, status.store.maxBytes], ["of-the-variable", "z2", 3 * 1024 ** 3]);
  assert.match(daemon.log(), /DARNER_MIROR: unknown variable, ignored/);
});

for (const command of ["daemon", "scheduler", "up"] as const) {
  test(`${command} ends in order at SIGTERM, with exit code 0`, async () => {
    const process_ = start(command);
    await logged(process_, command === "scheduler" ? "scheduler ready" : "daemon ready");
    const beganMs = performance.now();
    process.kill(process_.pid, "SIGTERM");
    await process_.ended();
    const seconds = (performance.now() - beganMs) / 1000;
    console.log(`${command} ended ${seconds.toFixed(2)} s after SIGTERM`);
    assert.equal(process_.exitCode, 0, process_.log());
    assert.ok(seconds < 5);
  });
}

test("killed at any instant, a daemon starts again on the same data, is the same host and serves what it held", async () => {
  const blob = randomBlob("start-up", 700_000);
  registry.content.pushBlob("team/app", blob.bytes);
  const first = start("daemon");
  const before_ = await logged(first, "daemon ready");
  assert.deepEqual(await blobBytes(before_["mirror"] ?? "", `team/app/blobs/${blob.digest}`), blob.bytes);
  // The last byte leaves when the digest is proven; what a kill must not lose is what the store then says it holds.
  await logged(first, "blob complete");
  await first.kill();
  const asked = registry.bodyBytes();
  const again = start("daemon");
  const after_ = await logged(again, "daemon ready");
  assert.equal(after_["host"], before_["host"]);
  assert.deepEqual(await blobBytes(after_["mirror"] ?? "", `team/app/blobs/${blob.digest}`), blob.bytes);
  assert.equal(registry.bodyBytes(), asked, "no byte of it was asked for again");
});

test("a process that was stopped for longer than the watchdog waits is not killed when it goes on", async () => {
  const daemon = start("daemon", { config: { ...sane(), watchdog: { seconds: 1 } } });
  const { mirror = "" } = await logged(daemon, "daemon ready");
  process.kill(daemon.pid, "SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 2500));
  process.kill(daemon.pid, "SIGCONT");
  for (let times = 0; times < 10; times++) {
    assert.equal((await fetch(`http://${mirror}/v2/`)).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(daemon.alive);
});

test("up says where it is, and the line it prints to try it with works as it is", async () => {
  const image = buildImage({ layers: [{ bytes: 1000, seed: 1 }] });
  registry.content.push("library/alpine", image, "latest");
  const config = { ...sane(), registries: { "docker.io": { endpoint: registry.host, plainHttp: true } } };
  const up = start("up", { config });
  const { mirror = "" } = await logged(up, "daemon ready");
  const line = await until("the line to try", () => /^Try it: (curl .*)$/m.exec(up.log())?.[1]);
  assert.match(up.log(), new RegExp(`^Darner is ready: registry mirror at http://${mirror}, data in ${dataDir()}`, "m"));
  const { ok, stdout, stderr } = await run(["sh", "-c", line]);
  assert.ok(ok, stderr);
  assert.deepEqual(new TextEncoder().encode(stdout), image.index.bytes);
  for (const part of ["daemon", "scheduler"])
    assert.equal(existsSync(join(dataDir(), part)), part === "daemon" || existsSync(join(dataDir(), part)));
});

test("the daemon of up finds the scheduler of up, whatever port that got", async () => {
  const up = start("up");
  const { admin = "" } = await logged(up, "daemon ready");
  await until("the daemon to find its scheduler", async () => {
    const status = (await (await fetch(`http://${admin}/api/v1/status`)).json()) as { scheduler: string | null };
    return status.scheduler === null ? undefined : true;
  });
});

test("of two up on the same data, the second says that the first uses it", async () => {
  const first = start("up");
  await logged(first, "daemon ready");
  await assertRefused("up", {}, `data directory ${join(dataDir(), "scheduler")} (dataDir) is in use by process ${String(first.pid)}`);
  assert.ok(first.alive);
});

test("of two up on the same ports, the second names the port and its key", async () => {
  const taken = await takenPort();
  await taken[Symbol.asyncDispose]();
  const { port } = taken;
  const listen = { ...listenAnywhere, http: `127.0.0.1:${port}` };
  const first = start("up", { config: { ...sane(), listen } });
  await logged(first, "daemon ready");
  await assertRefused(
    "up",
    { config: { ...sane(), dataDir: join(dir.path, "other"), listen } },
    `address 127.0.0.1:${port} (listen.http) is in use by another process`,
  );
  assert.ok(first.alive);
});
