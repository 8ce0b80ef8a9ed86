import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { newJob, type Job } from "@darner/preheat";
import { capturedLog, noLeaks, openTempDir } from "@darner/testkit";
import { JobStore, ordinalOf } from "./job-store.ts";

noLeaks();

const DAY = 24 * 3600_000;

function jobOf(id: number, more: Partial<Job> = {}): Job {
  const request = {
    images: [],
    scope: { kind: "all-hosts" },
    priority: 0,
    deadlineMs: 1,
    pinMs: 0,
    requireAll: false,
    via: "api",
  } as const;
  return { ...newJob(id, request, 0), ...more };
}

test("a job that was kept is there after the store is opened again, with the same bytes, and mere progress is not", async () => {
  await using dir = await openTempDir();
  const config = { dataDir: dir.path, ordinal: 3, keepMs: DAY };
  const first = await JobStore.open(config, capturedLog());
  const id = await first.nextId();
  await first.keep(jobOf(id));
  first.show(jobOf(id, { state: "running", updatedAt: 5 }));
  assert.equal(first.get(id)?.state, "running");
  await first[Symbol.asyncDispose]();
  await using again = await JobStore.open(config, capturedLog());
  assert.deepEqual(again.get(id), jobOf(id));
});

test("ids carry the scheduler that gave them, grow, and are never given twice, also not after a restart", async () => {
  await using dir = await openTempDir();
  const config = { dataDir: dir.path, ordinal: 5, keepMs: DAY };
  const seen: number[] = [];
  for (let life = 0; life < 3; life += 1) {
    await using store = await JobStore.open(config, capturedLog());
    for (let n = 0; n < 70; n += 1) seen.push(await store.nextId());
  }
  assert.ok(seen.every((id, at) => ordinalOf(id) === 5 && id > 0 && id > (seen[at - 1] ?? 0)));
});

test("jobs that are over go after their time, those that run stay", async () => {
  await using dir = await openTempDir();
  await using store = await JobStore.open({ dataDir: dir.path, ordinal: 0, keepMs: DAY }, capturedLog());
  await store.keep(jobOf(16, { state: "succeeded", finishedAt: 0 }));
  await store.keep(jobOf(32));
  await store.keep(jobOf(48, { updatedAt: DAY }));
  assert.equal(store.all().length, 3, "a day is kept whole");
  await store.keep(jobOf(64, { updatedAt: DAY + 1 }));
  assert.deepEqual(
    store.all().map(({ id }) => id),
    [64, 48, 32],
  );
});

test("a damaged store is moved aside and begun anew, and the log says so", async () => {
  await using dir = await openTempDir();
  const config = { dataDir: dir.path, ordinal: 0, keepMs: DAY };
  const store = await JobStore.open(config, capturedLog());
  await store.keep(jobOf(16));
  await store[Symbol.asyncDispose]();
  await writeFile(join(dir.path, "jobs", "CURRENT"), "garbage");
  const log = capturedLog();
  await using again = await JobStore.open(config, log);
  assert.deepEqual(again.all(), []);
  assert.match(log.text(), /damaged/);
});

const WRITER = fileURLToPath(new URL("../../test/job-writer.ts", import.meta.url));

test("a process killed with -9 while it writes: every job that was told of is there and whole, and no id is given twice", async () => {
  await using dir = await openTempDir();
  const told: number[] = [];
  for (const kills of [1, 7, 20, 33]) {
    const writer = fork(WRITER, [dir.path], { execArgv: ["--conditions=source"] });
    const ended = once(writer, "exit");
    let left = kills;
    writer.on("message", (id: number) => {
      told.push(id);
      left -= 1;
      if (left === 0) writer.kill("SIGKILL");
    });
    const [, signal] = (await ended) as [number | null, string | null];
    assert.equal(signal, "SIGKILL");
    const log = capturedLog();
    await using store = await JobStore.open({ dataDir: dir.path, ordinal: 3, keepMs: DAY }, log);
    for (const id of told) assert.deepEqual([store.get(id)?.state, store.get(id)?.contentUrls.length], ["succeeded", 50], String(id));
    assert.ok(!told.includes(await store.nextId()));
    assert.equal(log.text(), "", "nothing is damaged");
  }
  assert.equal(new Set(told).size, told.length);
});
