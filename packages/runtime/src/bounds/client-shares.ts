import type { Clock } from "../clock.ts";
import { clientOf, isLoopback } from "./client-address.ts";
import { LruMap } from "./lru-map.ts";

/** What one client address may have of a server that others use as well. */
export type ClientLimits = {
  /** Open connections of one client address. */
  readonly maxConnectionsPerClient: number;
  /** Requests of one client address a second, over ten seconds; 0: as many as it likes. */
  readonly maxRequestsPerSecondPerClient: number;
  /** Whether loopback counts as a client like any other. */
  readonly countsLoopback?: boolean;
};

// A container runtime asks for everything an image has at once and then nothing for minutes: its right to ask is saved up for this long.
const BURST_SECONDS = 10;
// Clients whose requests are counted. Who was not heard of for ten seconds has its whole right again, so that forgetting it changes nothing.
const MAX_CLIENTS = 4096;

type Right = { readonly requests: number; readonly at: number };

/**
 * Counts what each client address takes, so that one cannot take everything. Loopback is nobody in particular: every runtime of the
 * node comes from there, so that by default only the limits of the whole server count there.
 */
export class ClientShares {
  readonly #limits: ClientLimits;
  readonly #clock: Clock;
  /** Bounded by the connections that are open. */
  readonly #connections = new Map<string, number>();
  readonly #rights: LruMap<string, Right>;

  constructor(limits: ClientLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#rights = new LruMap({ maxEntries: MAX_CLIENTS, ttlMs: BURST_SECONDS * 1000, clock });
  }

  /** A connection came; whether it may stay. What may stay has to be given back by `leave`. */
  enter(address: string): boolean {
    if (this.#isFree(address)) return true;
    const client = clientOf(address);
    const open = this.#connections.get(client) ?? 0;
    if (open >= this.#limits.maxConnectionsPerClient) return false;
    this.#connections.set(client, open + 1);
    return true;
  }

  /** A connection that stayed is gone. */
  leave(address: string): void {
    if (this.#isFree(address)) return;
    const client = clientOf(address);
    const open = (this.#connections.get(client) ?? 0) - 1;
    if (open > 0) this.#connections.set(client, open);
    else this.#connections.delete(client);
  }

  /** A request came; whether it is to be worked for. */
  mayAsk(address: string): boolean {
    const perSecond = this.#limits.maxRequestsPerSecondPerClient;
    if (perSecond === 0 || this.#isFree(address)) return true;
    const client = clientOf(address);
    const now = this.#clock.now();
    const last = this.#rights.get(client);
    const most = perSecond * BURST_SECONDS;
    const requests = last === undefined ? most : Math.min(most, last.requests + ((now - last.at) / 1000) * perSecond);
    if (requests < 1) return false;
    this.#rights.set(client, { requests: requests - 1, at: now });
    return true;
  }

  #isFree(address: string): boolean {
    return this.#limits.countsLoopback !== true && isLoopback(address);
  }
}
