import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { openTempDir } from "@darner/testkit";
import { startChild } from "../../test/child.ts";
import { silentLog } from "../log.ts";
import { StartError } from "../start-error.ts";
import type { DataDir } from "./data-dir.ts";
import { DATA_FORMAT, openDataDir } from "./data-dir.ts";
import { ownIdentity } from "./process-identity.ts";

const { path: root, [Symbol.asyncDispose]: removeRoot } = await openTempDir();
after(removeRoot);
let count = 0;

function freshPath(): string {
  count += 1;
  return join(root, String(count), "data");
}

function open(path: string): Promise<DataDir> {
  return openDataDir(path, { purpose: "daemon", version: "0.1.0", log: silentLog });
}

async function startErrorOf(path: string): Promise<StartError> {
  try {
    (await open(path))[Symbol.dispose]();
  } catch (error) {
    assert.ok(error instanceof StartError);
    return error;
  }
  assert.fail("it opened");
}

/** Leaves a directory as a process that held it and was killed leaves it, its lock changed by `forge`. */
async function abandoned(forge: (holder: Record<string, unknown>) => unknown): Promise<string> {
  const path = freshPath();
  const dir = await open(path);
  const holder = JSON.parse(readFileSync(join(path, "lock"), "utf8")) as Record<string, unknown>;
  dir[Symbol.dispose]();
  const forged = forge(holder);
  writeFileSync(join(path, "lock"), typeof forged === "string" ? forged : JSON.stringify(forged));
  return path;
}

test("a directory is made for this user only and is free again after its end", async () => {
  const path = freshPath();
  const dir = await open(path);
  assert.equal(dir.path, path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(readFileSync(join(path, "VERSION"), "utf8"), `${String(DATA_FORMAT)}\nwritten by darner 0.1.0\n`);
  dir[Symbol.dispose]();
  assert.deepEqual(readdirSync(path), ["VERSION"]);
  (await open(path))[Symbol.dispose]();
});

test("a directory in use is refused with the process that uses it", async () => {
  const path = freshPath();
  using dir = await open(path);
  const error = await startErrorOf(dir.path);
  assert.deepEqual(error.detail, { code: "data-dir-in-use", path, pid: process.pid });
  assert.match(error.message, new RegExp(`is in use by process ${String(process.pid)} \\(darner daemon\\): stop it or set dataDir`));
});

test("a directory in use by another process is refused, and free at once when that process is killed", async () => {
  const path = freshPath();
  await using child = startChild("data-dir-child.ts", path);
  await child.said("opened\n");
  const error = await startErrorOf(path);
  assert.deepEqual(error.detail, { code: "data-dir-in-use", path, pid: child.process.pid });
  child.process.kill("SIGKILL");
  await child.ended;
  assert.ok(existsSync(join(path, "lock")));
  using dir = await open(path);
  assert.deepEqual(readdirSync(dir.path).toSorted(), ["VERSION", "lock"]);
});

test("a lock from before a reboot, of a number given to another process, or that is no lock at all is stale", async () => {
  const forgeries = [
    (holder: object) => ({ ...holder, bootId: "another boot" }),
    (holder: object) => ({ ...holder, startTime: "1" }),
    (holder: object) => ({ ...holder, pid: 2 ** 22 + 1 }),
    () => "",
    () => "{}",
    () => "null",
    (holder: object) => ({ ...holder, token: "../../x" }),
  ];
  for (const forge of forgeries) {
    const path = await abandoned(forge);
    using dir = await open(path);
    assert.deepEqual(readdirSync(dir.path).toSorted(), ["VERSION", "lock"], forge.toString());
  }
});

test("a start that was killed while it removed a stale lock does not keep the next one out", async () => {
  const path = await abandoned((holder) => ({ ...holder, startTime: "1", token: "0123abcd" }));
  const dead = { ...ownIdentity(), startTime: "2", purpose: "daemon", token: "4567abcd" };
  writeFileSync(join(path, "lock.0123abcd"), JSON.stringify(dead));
  using dir = await open(path);
  assert.deepEqual(readdirSync(dir.path).toSorted(), ["VERSION", "lock"]);
});

test("of many that start at once over a stale lock exactly one gets the directory", async () => {
  const path = await abandoned((holder) => ({ ...holder, startTime: "1" }));
  const children = Array.from({ length: 6 }, () => startChild("data-dir-child.ts", path));
  try {
    const outcomes = await Promise.all(
      children.map(async (child) => {
        await child.said("\n");
        return child.outcome();
      }),
    );
    assert.equal(outcomes.filter((said) => said === "opened\n").length, 1, outcomes.join(""));
    assert.equal(outcomes.filter((said) => said === "data-dir-in-use\n").length, 5, outcomes.join(""));
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
  }
});

test("a directory of a newer format is left as it is, and the error says which version wrote it", async () => {
  const path = freshPath();
  (await open(path))[Symbol.dispose]();
  writeFileSync(join(path, "VERSION"), "7\nwritten by darner 9.1.0\n");
  const error = await startErrorOf(path);
  assert.deepEqual(error.detail, { code: "data-dir-newer", path, format: 7, writtenBy: "darner 9.1.0" });
  assert.match(
    error.message,
    /has format 7, written by darner 9\.1\.0; this is darner 0\.1\.0, which knows formats up to 1: run that version/,
  );
  assert.deepEqual(readdirSync(path), ["VERSION"]);
});

test("a VERSION file that is not Darner's is an error, not overwritten", async () => {
  const path = freshPath();
  (await open(path))[Symbol.dispose]();
  writeFileSync(join(path, "VERSION"), "nginx 1.2\n");
  assert.match((await startErrorOf(path)).message, /VERSION file that is not Darner's/);
  assert.equal(readFileSync(join(path, "VERSION"), "utf8"), "nginx 1.2\n");
});

test("a path that is a file, or leads through one, is an error that says so", async () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  for (const path of [file, join(file, "data")]) {
    const error = await startErrorOf(path);
    assert.deepEqual(error.detail, { code: "data-dir-unusable", path });
    assert.match(error.message, /is not a directory/);
  }
});

test("a directory that this user may not write is an error that says so", async () => {
  const path = freshPath();
  (await open(path))[Symbol.dispose]();
  chmodSync(root, 0o755);
  chmodSync(join(path, ".."), 0o755);
  chmodSync(path, 0o555);
  // Root may write anywhere: the child gives root up first.
  await using child = startChild("data-dir-child.ts", path, "as-nobody");
  const end = await child.ended;
  assert.match(end.stdout, /^data-dir-unusable\n/);
  assert.match(end.stderr, /is not writable by this user: give it to the user or set dataDir/);
});

test(
  "a directory that the system refuses to make where its parent is there is an error, not a wait for ever",
  { skip: process.platform === "linux" ? false : "needs /proc" },
  async () => {
    await assert.rejects(openDataDir("/proc/darner", { purpose: "daemon", version: "1.0.0", log: silentLog }), (error) => {
      assert.ok(error instanceof StartError);
      assert.equal(error.detail.code, "data-dir-unusable");
      assert.match(error.message, /data directory \/proc\/darner \(dataDir\) cannot be used: .*set dataDir to another directory/);
      return true;
    });
  },
);
