import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Seconds of processor time. */
export type CpuTime = { readonly user: number; readonly system: number };

/** What a stretch of time cost the machine. `elsewhere`: interrupts, the kernel's own threads, and whatever else ran. */
export type CpuUse = { readonly parts: Readonly<Record<string, CpuTime>>; readonly elsewhere: number; readonly utilisation: number };

// What /proc counts in (USER_HZ): 100 on every Linux that Node runs on.
const TICKS_PER_SECOND = 100;
const NOTHING: CpuTime = { user: 0, system: 0 };

/** Measures from its birth on. */
export class CpuMeter {
  readonly #pids: Readonly<Record<string, readonly number[]>>;
  readonly #begun: ReadonlyMap<number, CpuTime>;
  readonly #busyAtBegin = busySeconds();
  readonly #begunAt = performance.now();

  /** `pids`: the processes of each part. */
  constructor(pids: Readonly<Record<string, readonly number[]>>) {
    this.#pids = pids;
    this.#begun = new Map(
      Object.values(pids)
        .flat()
        .map((pid) => [pid, usedByProcess(pid)]),
    );
  }

  /** `others`: what processes used that have ended since. */
  read(others: Readonly<Record<string, CpuTime>>): CpuUse {
    const seconds = (performance.now() - this.#begunAt) / 1000;
    const busy = busySeconds() - this.#busyAtBegin;
    const parts: Record<string, CpuTime> = { ...others };
    // Each by itself: one that was killed meanwhile counts as nothing and takes nothing from the others.
    for (const [part, pids] of Object.entries(this.#pids)) {
      parts[part] = pids.map((pid) => difference(usedByProcess(pid), this.#begun.get(pid) ?? NOTHING)).reduce(sum, NOTHING);
    }
    const known = Object.values(parts).reduce((sum, { user, system }) => sum + user + system, 0);
    return { parts, elsewhere: Math.max(0, busy - known), utilisation: busy / (seconds * availableParallelism()) };
  }
}

/** Both together. */
export function sum(left: CpuTime, right: CpuTime): CpuTime {
  return { user: left.user + right.user, system: left.system + right.system };
}

function difference(left: CpuTime, right: CpuTime): CpuTime {
  return { user: Math.max(0, left.user - right.user), system: Math.max(0, left.system - right.system) };
}

/** All threads of a process; nothing where it is gone. */
function usedByProcess(pid: number): CpuTime {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
    // The name, in parentheses, may hold anything: what follows it is counted from its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { user: Number(fields[11]) / TICKS_PER_SECOND, system: Number(fields[12]) / TICKS_PER_SECOND };
  } catch {
    return NOTHING;
  }
}

/** What all processors together have worked since the machine began. */
function busySeconds(): number {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}
