import type { HostId, PieceRun } from "@darner/domain";
import { MAX_RUN_PIECES } from "@darner/protocol";
import { LruMap, systemClock, type CancelTimer, type Logger, type Timers } from "@darner/runtime";
import type { Identity } from "../identity/identity.ts";
import type { ByteLimit, ChannelEncryption, ObserveChannel } from "./channel-event.ts";
import type { MemberGate } from "../membership/member-gate.ts";
import { ParentConnection, type PieceFetcherTimeouts } from "./parent-connection.ts";
import type { ChannelFailure, ParentAddress, PieceFetcher, PieceRequest } from "./piece-channel.ts";

/** How the child's side connects. */
export type PieceFetcherConfig = {
  readonly encryption: ChannelEncryption;
  readonly timeouts?: Partial<PieceFetcherTimeouts>;
  /** Parents connected at once; default 256. */
  readonly maxConnections?: number;
};

/** What the child's side works with. */
export type PieceFetcherDeps = {
  readonly identity: Identity;
  /** Who is a member: only they are asked for pieces. */
  readonly gate: MemberGate;
  /** Absent: no limit. */
  readonly downloadLimit?: ByteLimit;
  readonly log: Logger;
  readonly observe: ObserveChannel;
  readonly timers?: Timers;
};

/** A parent that could not be reached: not dialled again before `until`. */
type Setback = { readonly failure: ChannelFailure; readonly until: number; readonly waitMs: number };

// Connecting takes milliseconds in a cluster; silence of 5 s is five missed signs of life; a connection costs a parent little for a minute.
const TIMEOUTS: PieceFetcherTimeouts = { connectMs: 3_000, silentMs: 5_000, idleMs: 60_000 };
// A grant names few parents: most connections beyond are of parents done with, and the first idle one makes room.
const MAX_CONNECTIONS = 256;
// From one lost SYN to what a restarting host takes.
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
// Addresses that failed lately; an old one that is forgotten is merely dialled again.
const MAX_SETBACKS = 1024;
// Times are checked this often: a parent is found silent within a quarter of a second of its time.
const CHECK_MS = 250;

/** Opens the child's side; it dials when something is fetched. */
export function openPieceFetcher(config: PieceFetcherConfig, deps: PieceFetcherDeps): PieceFetcher {
  return new Fetcher(config, deps);
}

class Fetcher implements PieceFetcher {
  readonly #config: PieceFetcherConfig;
  readonly #deps: PieceFetcherDeps;
  readonly #timers: Timers;
  readonly #timeouts: PieceFetcherTimeouts;
  readonly #connections = new Map<HostId, ParentConnection>();
  readonly #setbacks: LruMap<string, Setback>;
  #cancelCheck: CancelTimer | undefined;
  #closed = false;

  constructor(config: PieceFetcherConfig, deps: PieceFetcherDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#timers = deps.timers ?? systemClock;
    this.#timeouts = { ...TIMEOUTS, ...config.timeouts };
    this.#setbacks = new LruMap({ maxEntries: MAX_SETBACKS, clock: this.#timers });
  }

  async fetch(request: PieceRequest): Promise<ChannelFailure | undefined> {
    for (const run of partsOf(request.run)) {
      if (request.signal.aborted) return undefined;
      const connection = this.#connectionTo(request.parent);
      const failure = typeof connection === "string" ? connection : await connection.ask(request, run);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  #connectionTo(parent: ParentAddress): ParentConnection | ChannelFailure {
    if (this.#closed) return "channel-lost";
    if (this.#deps.gate.denies(parent.host)) return "not-a-member";
    const known = this.#connections.get(parent.host);
    if (known !== undefined) return known;
    const setback = this.#setbacks.peek(keyOf(parent));
    if (setback !== undefined && this.#timers.now() < setback.until) return setback.failure;
    if (this.#connections.size >= (this.#config.maxConnections ?? MAX_CONNECTIONS) && !this.#closeIdle()) return "parent-busy";
    const connection = new ParentConnection(parent, {
      identity: this.#deps.identity,
      gate: this.#deps.gate,
      encryption: this.#config.encryption,
      timeouts: this.#timeouts,
      limit: this.#deps.downloadLimit,
      timers: this.#timers,
      log: this.#deps.log,
      observe: this.#deps.observe,
      onClosed: (closed, failure, opened) => {
        this.#forget(closed, failure, opened);
      },
    });
    this.#connections.set(parent.host, connection);
    if (this.#cancelCheck === undefined) this.#scheduleCheck();
    return connection;
  }

  /** Makes room for another parent; false where something is wanted on every connection. */
  #closeIdle(): boolean {
    const idle = [...this.#connections.values()].find((connection) => connection.isIdle);
    idle?.close();
    return idle !== undefined;
  }

  #forget(connection: ParentConnection, failure: ChannelFailure, opened: boolean): void {
    const { parent } = connection;
    this.#connections.delete(parent.host);
    if (opened) {
      this.#setbacks.delete(keyOf(parent));
      return;
    }
    const waitMs = Math.min(LONGEST_WAIT_MS, (this.#setbacks.peek(keyOf(parent))?.waitMs ?? FIRST_WAIT_MS / 2) * 2);
    this.#setbacks.set(keyOf(parent), { failure, until: this.#timers.now() + waitMs, waitMs });
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#timers.setTimeout(
      () => {
        this.#cancelCheck = undefined;
        const now = this.#timers.now();
        for (const connection of [...this.#connections.values()]) {
          connection.checkMember();
          connection.checkTimes(now);
        }
        if (this.#connections.size > 0 && !this.#closed) this.#scheduleCheck();
      },
      Math.min(CHECK_MS, this.#timeouts.silentMs / 4),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#cancelCheck?.();
    for (const connection of [...this.#connections.values()]) connection.close();
    return Promise.resolve();
  }
}

function keyOf({ host, address }: ParentAddress): string {
  return `${host} ${address}`;
}

/** A run in parts that one request each can name. */
function partsOf({ first, stride, count }: PieceRun): PieceRun[] {
  const parts: PieceRun[] = [];
  for (let at = 0; at < count; at += MAX_RUN_PIECES) {
    parts.push({ first: first + at * stride, stride, count: Math.min(MAX_RUN_PIECES, count - at) });
  }
  return parts;
}
