import type { HostId } from "@darner/domain";
import type { HostProgress } from "../job.ts";
import type { Target } from "./target.ts";

type State = HostProgress["state"];

/** The hosts of a job, counted by state: whoever changes one does it in `change`. */
export class TargetBook {
  readonly #targets = new Map<HostId, Target>();
  readonly #count: Record<State, number> = { waiting: 0, running: 0, complete: 0, failed: 0, "not-applicable": 0 };
  #readers = 0;

  get size(): number {
    return this.#targets.size;
  }

  /** Hosts that have the job's credential, are there and have not failed. */
  get readers(): number {
    return this.#readers;
  }

  get(host: HostId): Target | undefined {
    return this.#targets.get(host);
  }

  all(): IterableIterator<Target> {
    return this.#targets.values();
  }

  count(state: State): number {
    return this.#count[state];
  }

  add(target: Target): void {
    this.#targets.set(target.host, target);
    this.#count[target.state] += 1;
    if (isReader(target)) this.#readers += 1;
  }

  /** Changes a target, and counts it anew. */
  change<Result>(target: Target, how: (target: Target) => Result): Result {
    const [before, wasReader] = [target.state, isReader(target)];
    const result = how(target);
    this.#count[before] -= 1;
    this.#count[target.state] += 1;
    this.#readers += Number(isReader(target)) - Number(wasReader);
    return result;
  }
}

function isReader({ mayRead, absentSince, state }: Target): boolean {
  return mayRead && absentSince === undefined && state !== "failed";
}
