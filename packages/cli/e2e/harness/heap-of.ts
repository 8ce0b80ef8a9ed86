import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { until } from "./shell.ts";

/** What a process needs in its environment, so that its heap can be written down into this folder. */
export function heapEnvironment(folder: string): Readonly<Record<string, string>> {
  return {
    // Writing the heap down takes longer than a process may hang.
    DARNER_WATCHDOG_SECONDS: "0",
    NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${folder}`,
  };
}

// Tens of megabytes of JSON from each of several processes at once, on two busy cores.
const WRITTEN_MS = 120_000;

/** Writes a process's heap down and reads it; the collector has run before. */
export async function heapOf(name: string, pid: number, folder: string): Promise<Buffer> {
  process.kill(pid, "SIGUSR2");
  let size = -1;
  const path = await until(
    `the heap of ${name}`,
    () => {
      const [file] = readdirSync(folder);
      if (file === undefined) return undefined;
      const before = size;
      const bytes = readFileSync(join(folder, file));
      size = bytes.length;
      // A snapshot ends with its strings and a brace; it is written in one go by a process that does nothing else meanwhile.
      return size === before && size > 0 && bytes.subarray(-16).toString().trimEnd().endsWith("}") ? join(folder, file) : undefined;
    },
    WRITTEN_MS,
  );
  const heap = readFileSync(path);
  rmSync(path);
  return heap;
}
