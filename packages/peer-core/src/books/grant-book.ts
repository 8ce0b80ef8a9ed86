import type { PeerGrant } from "../grant.ts";
import type { Millis } from "../limits.ts";

/**
 * The grants a peer holds, in the order they came. A grant is a standing permission: it is used for those of its pieces that
 * nobody else is asked for, now or later, and forgotten when all its pieces are held, when it failed or was revoked.
 */
export class GrantBook {
  readonly #grants = new Map<number, PeerGrant>();
  /** Whether something happened after which a grant may be of more use than before. */
  changed = false;
  /** Whether a grant found no room among the transfers: it may, when one of them ends. */
  isWaiting = false;
  /** Grants that came since all were looked at. */
  #fresh: PeerGrant[] = [];
  /** When a transfer that stands in the way of a grant may have become silent. */
  lookAgainAt: Millis | undefined;

  get count(): number {
    return this.#grants.size;
  }

  get all(): Iterable<PeerGrant> {
    return this.#grants.values();
  }

  has(grant: number): boolean {
    return this.#grants.has(grant);
  }

  add(grant: PeerGrant): void {
    this.#grants.set(grant.grant, grant);
    this.#fresh.push(grant);
  }

  /** Whether a grant came that was not looked at. */
  get hasFresh(): boolean {
    return this.#fresh.length > 0;
  }

  /** The grants that came since, once. */
  takeFresh(): readonly PeerGrant[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  get(grant: number): PeerGrant | undefined {
    return this.#grants.get(grant);
  }

  /** Forgets a grant; says whether it was there. */
  delete(grant: number): boolean {
    return this.#grants.delete(grant);
  }

  clear(): void {
    this.#grants.clear();
    this.#fresh = [];
    this.isWaiting = false;
    this.lookAgainAt = undefined;
  }
}
