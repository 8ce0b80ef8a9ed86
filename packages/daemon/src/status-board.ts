import type { RefusedHost } from "@darner/registry-client";
import type { RefusedRegistry } from "@darner/mirror";
import { VERSION, type Config, type LruMap, type Timers } from "@darner/runtime";
import type { Identity } from "./identity/identity.ts";
import type { NodeBoard } from "./node-board.ts";
import type { Books } from "./books.ts";
import type { Peers } from "./peers/open-peers.ts";
import type { DaemonAddresses, DaemonStatus } from "./status.ts";

/** What a status is read off. */
export type StatusParts = {
  readonly config: Config;
  readonly identity: Identity;
  readonly books: Books;
  readonly peers: Peers;
  /** By host; what the registry client would not dial. */
  readonly refusedHosts: LruMap<string, RefusedHost>;
  readonly timers: Timers;
  readonly node: NodeBoard;
};

const NOWHERE: DaemonAddresses = { mirror: "", pieces: "", p2p: "", admin: "", metrics: "" };

/** Puts a daemon's status together when somebody asks. */
export class StatusBoard {
  readonly #parts: StatusParts;
  readonly #startedAt: number;
  #addresses = NOWHERE;
  /** Set once the mirror is open. */
  refusedRegistries: () => readonly RefusedRegistry[] = () => [];

  constructor(parts: StatusParts) {
    this.#parts = parts;
    this.#startedAt = parts.timers.now();
  }

  /** Every door is open now, here. */
  opened(addresses: DaemonAddresses): void {
    this.#addresses = addresses;
  }

  status(): DaemonStatus {
    const { config, identity, books, peers, refusedHosts, timers, node } = this.#parts;
    const schedulers = peers.schedulers();
    const { bytes, blobs, maxBytes } = peers.store.usage;
    return {
      host: identity.host,
      name: config.name,
      version: VERSION,
      zone: config.zone ?? "",
      seed: config.seed,
      upSeconds: Math.round((timers.now() - this.#startedAt) / 1000),
      addresses: this.#addresses,
      scheduler: peers.scheduler() ?? null,
      schedulerSeconds: Math.round(schedulers.forMs / 1000),
      schedulerSessions: schedulers.rows,
      schedulers: config.schedulers,
      store: { bytes, blobs, maxBytes },
      bytes: books.bytes(),
      peers: peers.table.running().map(({ task, pieces, held }) => ({ digest: task.digest, bytes: task.size, pieces, held })),
      nodeSetup: node.latest() ?? null,
      wrongBytes: books.wrong(),
      refusedRegistries: [
        ...this.refusedRegistries().map(({ registry, reason }) => ({ registry, reason })),
        ...[...refusedHosts.entries()].map(([registry, { reason, add }]) => ({ registry, reason, add })),
      ],
    };
  }
}
