import { readFileSync } from "node:fs";

/** What tells one process from every other one, also from one that gets its number later or after a reboot. */
export type ProcessIdentity = {
  readonly pid: number;
  /** The kernel's id of this boot; empty where there is none. */
  readonly bootId: string;
  /** When the process started, in the kernel's ticks since boot; empty where /proc is not there. */
  readonly startTime: string;
};

/** Who this process is. */
export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    bootId: readOr("", "/proc/sys/kernel/random/boot_id").trim(),
    startTime: processState(process.pid)?.startTime ?? "",
  };
}

/**
 * Whether that very process still runs. A process in another pid namespace (a container that shares the directory) counts as gone,
 * since its number says nothing here: a container restarted after kill -9 must come up.
 */
export function isAlive(identity: ProcessIdentity): boolean {
  const own = ownIdentity();
  if (identity.bootId !== own.bootId) return false;
  if (own.startTime === "") return answersSignals(identity.pid);
  const state = processState(identity.pid);
  return state !== undefined && state.startTime === identity.startTime && !state.ended;
}

/** proc_pid_stat(5): fields 3 (state) and 22 (start time), counted after the name, which may hold spaces and brackets. */
function processState(pid: number): { startTime: string; ended: boolean } | undefined {
  const stat = readOr("", `/proc/${String(pid)}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  if (state === undefined || startTime === undefined) return undefined;
  // A zombie has ended; only its parent has not noticed.
  return { startTime, ended: state === "Z" || state === "X" };
}

/** Where there is no /proc (a developer's macOS): whether a process of that number is there. */
function answersSignals(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function readOr(fallback: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return fallback;
  }
}
