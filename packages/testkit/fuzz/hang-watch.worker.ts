import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import type { WatchedRun } from "./hang-watch.ts";

const { run, hangMs } = workerData as { readonly run: WatchedRun; readonly hangMs: number };
const { target, begun, length, bytes } = run;
const STDOUT = 1;

/** Processor time of the whole process: a busy machine makes no hang. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const never = new Int32Array(new SharedArrayBuffer(4));
let seen = Atomics.load(begun, 0);
let since = cpuMs();
for (;;) {
  Atomics.wait(never, 0, 0, hangMs / 4);
  const now = Atomics.load(begun, 0);
  if (now !== seen) [seen, since] = [now, cpuMs()];
  if (cpuMs() - since < hangMs) continue;
  const input = Buffer.from(bytes.slice(0, length[0] ?? 0)).toString("base64");
  writeSync(STDOUT, `FAIL ${target} hangs\n     input (base64): ${input}\n0 passed, 1 failed\n`);
  process.kill(process.pid, "SIGKILL");
}
