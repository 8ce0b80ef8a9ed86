import assert from "node:assert/strict";
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildImage, openScriptedRegistry, openTempDir } from "@darner/testkit";
import { Running } from "../harness/running.ts";
import { until } from "../harness/shell.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const DOORS = ["mirror", "pieces", "p2p", "admin", "metrics", "grpc", "http"];
const NOBODY = 65_534;
const NOT_ROOT = process.platform === "linux" && process.getuid?.() === 0 ? false : "a mount namespace needs Linux and root";

/** Runs a command as nobody, without capabilities, on a root file system that is read-only but for `dir`. */
function confined(dir: string, command: readonly string[]): readonly string[] {
  const script = 'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec "$@"';
  const drop = ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all"];
  return ["unshare", "--mount", "sh", "-c", script, dir, "setpriv", ...drop, "--no-new-privs", ...command];
}

/** Files and folders below `dir` that others than their owner may read, write or enter; those that a living daemon moves away meanwhile are not there. */
function openToOthers(dir: string): string[] {
  const isOpen = (path: string): boolean => ((lstatSync(join(dir, path), { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0;
  return readdirSync(dir, { recursive: true, encoding: "utf8" }).filter(isOpen);
}

/** The fields of proc(5) that say what a process may do. */
function rightsOf(pid: number): Readonly<Record<string, string>> {
  const status = readFileSync(`/proc/${String(pid)}/status`, "utf8");
  const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(status)?.[1] ?? "";
  return { uid: field("Uid"), effective: field("CapEff"), bounding: field("CapBnd"), noNewPrivileges: field("NoNewPrivs") };
}

type Ready = Readonly<Record<string, string>>;

function readyLine(process: Running, name: string): Promise<Ready> {
  return until(`${name} ready`, () => {
    if (!process.alive) throw new Error(`it ended: ${process.log()}`);
    const line = process
      .log()
      .split("\n")
      .find((text) => text.includes(`"${name} ready"`) && text.endsWith("}"));
    return line === undefined ? undefined : (JSON.parse(line) as Ready);
  });
}

test(
  "scheduler and daemon run as nobody, without capabilities, on a read-only root, and keep their files to themselves",
  { skip: NOT_ROOT },
  async () => {
    await using dir = await openTempDir();
    await using registry = await openScriptedRegistry();
    const image = buildImage({ layers: [{ bytes: 3_000_000, seed: "hardened" }] });
    registry.content.push("team/app", image, "v1");
    chmodSync(dir.path, 0o755);
    const data = join(dir.path, "data");
    mkdirSync(data);
    chownSync(data, NOBODY, NOBODY);
    const start = (command: string, config: Readonly<Record<string, unknown>>): Running => {
      const file = join(dir.path, `${command}.yaml`);
      const listen = Object.fromEntries(DOORS.map((door) => [door, "127.0.0.1:0"]));
      const given = { dataDir: join(data, command), listen, join: { insecure: true }, store: { minFreeBytes: "1MiB" }, ...config };
      writeFileSync(file, JSON.stringify(given));
      const words = [process.execPath, "--conditions=source", "--disable-sigusr1", MAIN, command, "--config", file];
      return new Running({ name: command, command: confined(data, words), logFile: join(dir.path, `${command}.log`) });
    };
    await using scheduler = start("scheduler", {});
    const { grpc = "" } = await readyLine(scheduler, "scheduler");
    await using daemon = start("daemon", { schedulers: [grpc], registries: { [registry.host]: { plainHttp: true } } });
    const { mirror = "" } = await readyLine(daemon, "daemon");
    for (const { pid } of [scheduler, daemon]) {
      const none = "0000000000000000";
      assert.deepEqual(rightsOf(pid), { uid: String(NOBODY), effective: none, bounding: none, noNewPrivileges: "1" });
      // Without the flag this signal opens a debugger's port to everybody on the host.
      process.kill(pid, "SIGUSR1");
    }
    for (const { digest, size } of [image.config, ...image.layers]) {
      const answer = await fetch(`http://${mirror}/v2/team/app/blobs/${digest}?ns=${registry.host}`, { headers: { connection: "close" } });
      assert.deepEqual([answer.status, (await answer.bytes()).length], [200, size]);
    }
    assert.ok(daemon.alive && scheduler.alive);
    for (const each of [scheduler, daemon]) assert.doesNotMatch(each.log(), /Debugger listening|EROFS|EACCES|EPERM/);
    assert.deepEqual(openToOthers(data), []);
  },
);
