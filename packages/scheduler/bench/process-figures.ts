import { execFileSync, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

// Linux counts a process's time in hundredths of a second.
const TICKS_PER_SECOND = 100;

/** Seconds of processor that a process has used so far. */
export function cpuOf({ pid }: ChildProcess): number {
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, "utf8")
      .split(") ")[1]
      ?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Seconds that the main thread of a process has waited for a processor since it began, as the kernel counts them. */
export function waitedOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${String(pid)}/task/${String(pid)}/schedstat`, "utf8").split(" ")[1]) / 1e9;
}

/** What all processes of the machine have used so far. */
export function machineCpu(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (/^cpu .*$/m.exec(readFileSync("/proc/stat", "utf8"))?.[0] ?? "")
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

export function peakMibOf({ pid }: ChildProcess): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1]) / 1024;
}

/** Keeps the server's main thread on the first core and the clients on the last, so that neither takes the other's; false where that cannot be had. */
export function pinApart(server: ChildProcess, client: ChildProcess): boolean {
  const cores = availableParallelism();
  if (cores < 2) return false;
  try {
    execFileSync("taskset", ["-pc", "0", String(server.pid)], { stdio: "ignore" });
    execFileSync("taskset", ["-apc", String(cores - 1), String(client.pid)], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
