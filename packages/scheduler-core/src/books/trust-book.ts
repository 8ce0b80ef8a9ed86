import type { HostId, TaskId } from "@darner/domain";
import type { SchedulerLimits } from "../limits.ts";

/** Whose word it was that turned out to be wrong: a host's own, or what a host said a registry had sent it (then it counts for that registry only). */
export type Suspect = { readonly host: HostId; readonly registry?: string };

type Mark = { readonly occasions: Map<string, number>; blockedUntil: number; blocks: number };
type Failures = { readonly byHost: Map<HostId, number>; lastAt: number };

/**
 * What is remembered of wrong words, over all tasks and sessions.
 *
 *     blocked ⇔ maxMarks occasions within markWindowMs; for blockMs × 2^(blocks before)
 *     struck  ⇔ maxProofFailures failed proofs of one blob through one registry, each host counted twice at most; for struckMs
 *
 * One occasion may be a registry that was wrong once, or a bad bit in a host's memory; one host alone strikes a registry for itself only.
 */
export class TrustBook {
  readonly #limits: SchedulerLimits;
  readonly #marks = new Map<string, Mark>();
  readonly #failures = new Map<TaskId, Map<string, Failures>>();

  constructor(limits: SchedulerLimits) {
    this.#limits = limits;
  }

  /** Notes an occasion (the same one counts once); says whether the suspect is blocked by it. */
  mark(suspect: Suspect, occasion: string, now: number): boolean {
    const { maxMarks, markWindowMs, blockMs, maxBlockMs, maxSuspects } = this.#limits;
    const key = keyOf(suspect);
    const mark = this.#marks.get(key) ?? { occasions: new Map<string, number>(), blockedUntil: 0, blocks: 0 };
    this.#marks.delete(key);
    this.#marks.set(key, mark);
    forgetOldest(this.#marks, maxSuspects);
    for (const [each, at] of mark.occasions) if (at <= now - markWindowMs) mark.occasions.delete(each);
    mark.occasions.set(occasion, now);
    if (mark.occasions.size < maxMarks) return false;
    mark.occasions.clear();
    mark.blockedUntil = now + Math.min(maxBlockMs, blockMs * 2 ** mark.blocks);
    mark.blocks += 1;
    return true;
  }

  /** Until when nothing is taken from a host that came through this registry; 0 where it never was blocked. */
  blockedUntil(host: HostId, registry: string): number {
    if (this.#marks.size === 0) return 0;
    const own = this.#marks.get(keyOf({ host }))?.blockedUntil ?? 0;
    return Math.max(own, this.#marks.get(keyOf({ host, registry }))?.blockedUntil ?? 0);
  }

  /** A host's proof of this blob failed with bytes that came through the registry. */
  noteFailure(task: TaskId, registry: string, host: HostId, now: number): void {
    const { struckMs, maxRegistriesPerTask, maxStruck, maxProofFailures } = this.#limits;
    const ofTask = this.#failures.get(task) ?? new Map<string, Failures>();
    this.#failures.delete(task);
    this.#failures.set(task, ofTask);
    forgetOldest(this.#failures, maxStruck);
    const known = ofTask.get(registry);
    const failures = known === undefined || known.lastAt <= now - struckMs ? { byHost: new Map<HostId, number>(), lastAt: now } : known;
    failures.lastAt = now;
    failures.byHost.set(host, (failures.byHost.get(host) ?? 0) + 1);
    // Enough to strike it for everybody: who else fails adds nothing.
    forgetOldest(failures.byHost, maxProofFailures);
    ofTask.delete(registry);
    ofTask.set(registry, failures);
    forgetOldest(ofTask, maxRegistriesPerTask);
  }

  /** Somebody proved the blob with bytes of this registry: what failed before was no fault of it. */
  clearFailures(task: TaskId, registry: string): void {
    const ofTask = this.#failures.get(task);
    ofTask?.delete(registry);
    if (ofTask?.size === 0) this.#failures.delete(task);
  }

  /** Whether this host is not to ask the registry for this blob. */
  isStruck(task: TaskId, registry: string, host: HostId, now: number): boolean {
    const failures = this.#failures.get(task)?.get(registry);
    if (failures === undefined || failures.lastAt <= now - this.#limits.struckMs) return false;
    const { maxProofFailures } = this.#limits;
    if ((failures.byHost.get(host) ?? 0) >= maxProofFailures) return true;
    return sumOf(failures) >= maxProofFailures;
  }

  /** Whether nobody is to ask it. */
  isStruckForAll(task: TaskId, registry: string, now: number): boolean {
    const failures = this.#failures.get(task)?.get(registry);
    return failures !== undefined && failures.lastAt > now - this.#limits.struckMs && sumOf(failures) >= this.#limits.maxProofFailures;
  }

  /** How many suspects and struck blobs are remembered. */
  get size(): number {
    return Math.max(this.#marks.size, this.#failures.size);
  }
}

// The proof that failed with the swarm's table, and the one with the host's own reading of the whole blob.
const MOST_OF_ONE_HOST = 2;

function sumOf({ byHost }: Failures): number {
  let sum = 0;
  for (const count of byHost.values()) sum += Math.min(count, MOST_OF_ONE_HOST);
  return sum;
}

function keyOf({ host, registry }: Suspect): string {
  return registry === undefined ? host : `${host} ${registry}`;
}

function forgetOldest(map: Map<unknown, unknown>, most: number): void {
  const [oldest] = map.keys();
  if (map.size > most) map.delete(oldest);
}
