import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { startChild } from "../../test/child.ts";
import { silentLog } from "../log.ts";
import { sleep } from "../sleep.ts";
import { startWatchdog } from "./watchdog.ts";

const CHILD = "blocked-child.ts";

test("a process whose main loop stands still is killed and says so", async () => {
  await using child = startChild(CHILD, "blocks", "0.5");
  const end = await child.ended;
  assert.equal(end.signal, "SIGKILL");
  const lines = end.stderr.trim().split("\n");
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^\{.*"message":"main loop stands still, process killed","seconds":0\.5\}$/);
});

test("a process whose main loop has much to do in one turn, and says so, is not killed", async () => {
  await using child = startChild(CHILD, "works", "0.5");
  await child.said("running\n");
  child.process.kill("SIGUSR2");
  const end = await child.ended;
  assert.equal(end.code, 0, end.stderr);
  assert.match(end.stdout, /ended by itself/);
});

test("a process that hangs while nobody reads its standard error is killed, too", async () => {
  const path = fileURLToPath(new URL(`../../test/${CHILD}`, import.meta.url));
  // A stream without a "data" listener takes what it has room for and no more.
  const child = spawn(process.execPath, ["--conditions=source", path, "logs-to-nobody", "0.5"], { stdio: ["ignore", "ignore", "pipe"] });
  const [, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  child.stderr.destroy();
  assert.equal(signal, "SIGKILL");
});

test("a process that was stopped for longer than the watchdog allows goes on when it is resumed", async () => {
  await using child = startChild(CHILD, "runs", "0.4");
  await child.said("running\n");
  child.process.kill("SIGSTOP");
  // Time itself is what is tested here: longer than the 0.4 s after which a hang would be noticed.
  await sleep(1000);
  child.process.kill("SIGCONT");
  await sleep(500);
  child.process.kill("SIGUSR2");
  const end = await child.ended;
  assert.equal(end.code, 0, end.stderr);
  assert.match(end.stdout, /ended by itself/);
});

test("a watchdog alone keeps no process alive, and zero seconds start none", async () => {
  using off = startWatchdog({ seconds: 0, log: silentLog });
  assert.ok(off);
  await using child = startChild(CHILD, "runs", "5");
  await child.said("running\n");
  child.process.kill("SIGUSR2");
  assert.equal((await child.ended).code, 0);
});
