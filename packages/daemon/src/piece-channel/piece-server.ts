import type { Server, Socket } from "node:net";
import type { HostId, Task } from "@darner/domain";
import { formatAddress, listenServer, systemClock, type CancelTimer, type Logger, type Timers } from "@darner/runtime";
import type { Identity } from "../identity/identity.ts";
import type { BlobStore, StoredBlob } from "../store/store.ts";
import type { MemberGate } from "../membership/member-gate.ts";
import { createChildServer } from "./accept.ts";
import type { ByteLimit, ChannelEncryption, ConnectionRefusal, ObserveChannel } from "./channel-event.ts";
import { ChildConnection, type ChildConnectionDeps } from "./child-connection.ts";
import { ReadBuffers } from "./read-buffers.ts";
import { SendTurn } from "./send-turn.ts";
import { Strangers } from "./strangers.ts";

/** How the parent's side listens. */
export type PieceServerConfig = {
  /** `host:port`; port 0 lets the system choose. */
  readonly listen: string;
  readonly encryption: ChannelEncryption;
  /** Children served at once; default 256, so that each gets a useful share of a fast link. */
  readonly maxConnections?: number;
  /** Whether loopback, where several hosts of a test or a demo live, counts as one address like any other; default no. */
  readonly countsLoopback?: boolean;
  /** Buffers of 256 KiB for all children together; default 128. */
  readonly buffers?: number;
  readonly timeouts?: Partial<PieceServerTimeouts>;
};

/** How patient a parent is, in milliseconds. */
export type PieceServerTimeouts = {
  /** For a child to prove its key. */
  readonly handshakeMs: number;
  /** Between two signs of life to a child that waits. */
  readonly heartbeatMs: number;
  /** For a child to take one write of at most 256 KiB. */
  readonly stalledMs: number;
  /** The same while children wait for buffers that slow ones hold. */
  readonly stalledWhileScarceMs: number;
  /** For a connection on which nothing is wanted; longer than a child's own 60 s, so that the child ends it and no request is lost. */
  readonly idleMs: number;
};

/** What the parent's side works with. */
export type PieceServerDeps = {
  readonly identity: Identity;
  readonly store: Pick<BlobStore, "open">;
  /** Opens a blob that the store does not have yet but a peer of this host is getting; the server gives it back. */
  readonly lend: (task: Task) => StoredBlob | undefined;
  /** Who is a member; asked when a host comes, and again every second while it is connected. */
  readonly gate: MemberGate;
  /** Absent: no limit. */
  readonly uploadLimit?: ByteLimit;
  readonly log: Logger;
  readonly observe: ObserveChannel;
  readonly timers?: Timers;
};

/** The parent's side of the piece channel. */
export interface PieceServer extends AsyncDisposable {
  /** Where it listens, as `host:port`. */
  readonly address: string;
  /** Children connected now. */
  readonly children: number;
}

const TIMEOUTS: PieceServerTimeouts = {
  handshakeMs: 5_000,
  heartbeatMs: 1_000,
  stalledMs: 30_000,
  stalledWhileScarceMs: 5_000,
  idleMs: 90_000,
};
const MAX_CONNECTIONS = 256;
// A child needs one; the rest are for those of it that the network has lost and TCP has not given up yet.
const MAX_PER_HOST = 4;
// Connections in the middle of a handshake: it costs 2 ms of a core, so that 64 are over in a moment unless somebody holds them open.
const MAX_STRANGERS = 64;
// Half of these may come from one address, and ten a second over ten seconds: 2 % of a core is what a stranger can make this host work.
const STRANGER_SHARE = { maxConnectionsPerClient: MAX_STRANGERS / 2, maxRequestsPerSecondPerClient: 10 };
// A dead peer shows within 15 s and a few probes, not after the two hours of the system's default.
const KEEP_ALIVE_MS = 15_000;
// What is left of a piece after the last request was refused: after that time the connection ends in the middle of it.
const STOP_MS = 1_000;

/** Opens the parent's side; rejects with `StartError` where it cannot listen. */
export async function openPieceServer(config: PieceServerConfig, deps: PieceServerDeps, signal?: AbortSignal): Promise<PieceServer> {
  signal?.throwIfAborted();
  const parent = new Parent(config, deps);
  const address = await listenServer(parent.server, config.listen, "listen.pieces");
  parent.opened(formatAddress(address));
  return parent;
}

class Parent implements PieceServer {
  readonly server: Server;
  address = "";
  readonly #deps: PieceServerDeps;
  readonly #timers: Timers;
  readonly #timeouts: PieceServerTimeouts;
  readonly #maxConnections: number;
  readonly #connectionDeps: Omit<ChildConnectionDeps, "turn">;
  readonly #buffers: ReadBuffers;
  readonly #strangers: Strangers;
  readonly #sockets = new Set<Socket>();
  readonly #children = new Set<ChildConnection>();
  readonly #serving = new Set<Promise<void>>();
  #cancelBeat: CancelTimer | undefined;
  #stopped = false;

  constructor(config: PieceServerConfig, deps: PieceServerDeps) {
    this.#deps = deps;
    this.#timers = deps.timers ?? systemClock;
    this.#timeouts = { ...TIMEOUTS, ...config.timeouts };
    this.#maxConnections = config.maxConnections ?? MAX_CONNECTIONS;
    this.#buffers = new ReadBuffers(config.buffers);
    this.#strangers = new Strangers({ ...STRANGER_SHARE, countsLoopback: config.countsLoopback ?? false }, this.#timers);
    this.#connectionDeps = {
      open: (task) => deps.store.open(task) ?? deps.lend(task),
      buffers: this.#buffers,
      limit: deps.uploadLimit,
      now: () => this.#timers.now(),
      log: deps.log,
      observe: deps.observe,
    };
    const { identity, gate } = deps;
    const door = { encryption: config.encryption, identity, gate, handshakeMs: this.#timeouts.handshakeMs };
    this.server = createChildServer(door, {
      knocked: (socket) => {
        this.#count(socket);
      },
      proven: (socket, host) => {
        this.#take(socket, host);
      },
      failed: (socket, reason, child) => {
        this.#refused(reason, child === undefined ? { address: socket.remoteAddress } : { child, address: socket.remoteAddress });
      },
    });
  }

  /** It listens at `address`: from now on it has a pulse. */
  opened(address: string): void {
    this.address = address;
    this.#beat();
  }

  get children(): number {
    return this.#children.size;
  }

  /** Once a second: signs of life to children that wait, and an end to those that are gone or no members any more. */
  #beat(): void {
    const now = this.#timers.now();
    const patience = this.#buffers.areScarce ? this.#timeouts.stalledWhileScarceMs : this.#timeouts.stalledMs;
    for (const child of this.#children) {
      if (!this.#deps.gate.admits(child.host)) child.refuse("not-admitted");
      else if (child.stalledMs(now) > patience || child.idleMs(now) > this.#timeouts.idleMs) child.refuse("stalled");
      else child.beat();
    }
    this.#cancelBeat = this.#timers.setTimeout(() => {
      this.#beat();
    }, this.#timeouts.heartbeatMs);
  }

  #count(socket: Socket): void {
    socket.on("error", (error) => {
      this.#deps.log.debug("connection to child failed", { error });
    });
    if (this.#stopped || this.#sockets.size >= this.#maxConnections + MAX_STRANGERS || !this.#strangers.mayKnock(socket)) {
      this.#refused("too-many", { address: socket.remoteAddress });
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #take(socket: Socket, host: HostId): void {
    socket.on("error", (error) => {
      this.#deps.log.debug("connection to child failed", { child: host, error });
    });
    this.#strangers.cameIn(socket);
    const reason = this.#objection(host);
    if (reason !== undefined) {
      this.#refused(reason, { child: host });
      socket.destroy();
      return;
    }
    const turn = [...this.#children].find((other) => other.host === host)?.turn ?? new SendTurn();
    const child = new ChildConnection(socket, host, { ...this.#connectionDeps, turn });
    this.#children.add(child);
    this.#deps.observe({ type: "connection-opened", side: "parent" });
    socket.once("close", () => {
      this.#children.delete(child);
      this.#deps.observe({ type: "connection-closed", side: "parent" });
    });
    const serving = child.serve().finally(() => this.#serving.delete(serving));
    this.#serving.add(serving);
  }

  #objection(host: HostId): ConnectionRefusal | undefined {
    if (!this.#deps.gate.admits(host)) return "not-admitted";
    const ofHost = [...this.#children].filter((child) => child.host === host).length;
    return this.#stopped || ofHost >= MAX_PER_HOST || this.#children.size >= this.#maxConnections ? "too-many" : undefined;
  }

  #refused(reason: ConnectionRefusal, who: { readonly child?: HostId; readonly address?: string | undefined }): void {
    this.#deps.observe({ type: "connection-refused", side: "parent", reason });
    // Whoever scans ports makes handshakes fail: that must not fill the log.
    this.#deps.log[reason === "handshake-failed" ? "debug" : "info"]("child turned away", { ...who, reason });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelBeat?.();
    const closed = new Promise<void>((resolve) =>
      this.server.close(() => {
        resolve();
      }),
    );
    for (const child of this.#children) child.stop();
    const cancel = this.#timers.setTimeout(() => {
      this.#destroyAll();
    }, STOP_MS);
    if (this.#children.size === 0) this.#destroyAll();
    await closed;
    cancel();
    await Promise.all(this.#serving);
  }

  #destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
