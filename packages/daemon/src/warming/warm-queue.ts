import type { Repository } from "@darner/domain";
import type { WarmContent } from "@darner/protocol";
import type { Secret } from "@darner/runtime";

/** What one job says of a content. */
export type WarmWish = {
  readonly priority: number;
  readonly pinMs: number;
  readonly repository: Repository;
  readonly authorization: Secret | undefined;
  readonly mayRead: boolean;
  /** How many sessions were lost before it was said. */
  readonly losses: number;
};

/** A content that jobs want on this host. */
export type WantedContent = {
  readonly content: WarmContent;
  /** One entry a job; the scheduler bounds them. */
  readonly wishes: Map<number, WarmWish>;
  /** Since when it could not be had; undefined where nothing was tried in vain. */
  failingSince: number | undefined;
  tries: number;
  /** The last that a registry had to do with, for when a later try ends for want of time alone. */
  registrySaid: string | undefined;
};

/** Contents that wait for their turn: the highest priority first, of one priority the first that came. */
export class WarmQueue {
  // Bounded by what the scheduler's open jobs name; a set keeps the order of arrival.
  readonly #waiting = new Map<number, Set<WantedContent>>();

  add(wanted: WantedContent): void {
    this.remove(wanted);
    const priority = Math.max(...[...wanted.wishes.values()].map((wish) => wish.priority));
    const set = this.#waiting.get(priority) ?? new Set();
    this.#waiting.set(priority, set.add(wanted));
  }

  remove(wanted: WantedContent): boolean {
    for (const [priority, set] of this.#waiting) {
      if (!set.delete(wanted)) continue;
      if (set.size === 0) this.#waiting.delete(priority);
      return true;
    }
    return false;
  }

  /** Takes the next one out. */
  next(): WantedContent | undefined {
    if (this.#waiting.size === 0) return undefined;
    const priority = Math.max(...this.#waiting.keys());
    const [first] = this.#waiting.get(priority) ?? [];
    if (first !== undefined) this.remove(first);
    return first;
  }
}
