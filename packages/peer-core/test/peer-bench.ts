import { digestOf, hostIdOf, pieceCount, PieceSet, type HostId, type PieceHash, type PieceRun, type Task } from "@darner/domain";
import assert from "node:assert/strict";
import {
  DEFAULT_LIMITS,
  Peer,
  type PeerEffect,
  type PeerEvent,
  type PeerLimits,
  type PeerReport,
  type PeerSnapshot,
} from "../src/index.ts";

/** A hash for a piece; another `variant` is other bytes. */
export function hashOf(piece: number, variant = 0): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, index) => (piece * 7 + index * 13 + variant * 101) & 255);
}

export function line(piece: number, variant = 0): PieceHash {
  return { piece, hash: hashOf(piece, variant) };
}

export function run(first: number, count: number, stride = 1): PieceRun {
  return { first, stride, count };
}

export const MOTHER: { host: HostId; address: string } = { host: hostIdOf("mother"), address: "10.0.0.1:4102" };
export const FATHER: { host: HostId; address: string } = { host: hostIdOf("father"), address: "10.0.0.2:4102" };

const PIECE_BYTES = 256 * 1024;

/** A task of so many pieces: of 256 KiB, or as long as that many are in a blob of `size` bytes. */
export function taskOf(pieces: number, size: number = pieces * PIECE_BYTES): Task {
  assert.equal(pieceCount(size), pieces);
  return { digest: digestOf(`sha256:${"a".repeat(64)}`), size };
}

type Started = Extract<PeerEvent, { type: "peer-started" }>;

/** What a test says of its peer; the rest is the usual. */
export type Setting = Partial<Omit<Started, "type" | "task" | "have">> & {
  readonly pieces?: number;
  /** Bytes of the blob; left out: pieces of 256 KiB. */
  readonly size?: number;
  readonly have?: readonly number[];
  readonly limits?: Partial<PeerLimits>;
  readonly random?: () => number;
};

/** A peer on a bench: its time is the test's, its effects are kept, its invariants are checked after every event. */
export class PeerBench {
  readonly peer: Peer;
  readonly pieces: number;
  now = 1000;
  /** All effects so far, with their instants. */
  readonly log: { readonly at: number; readonly effect: PeerEffect }[] = [];

  constructor({ pieces = 16, size, have = [], limits = {}, random = (): number => 0.5, ...started }: Setting = {}) {
    this.pieces = pieces;
    this.peer = new Peer({ ...DEFAULT_LIMITS, ...limits }, random);
    const held = new PieceSet(pieces);
    for (const piece of have) held.add(piece);
    const usual = { registry: "docker.io", access: "caller", sequential: false, priority: "reader", schedulerLive: true } as const;
    this.send({ type: "peer-started", task: taskOf(pieces, size), have: held, ...usual, ...started });
  }

  /** Sends an event at the present instant. */
  send(event: PeerEvent): PeerEffect[] {
    const effects = this.peer.handle(event, this.now);
    this.peer.checkInvariants();
    const deadline = this.peer.nextDeadline();
    assert.ok(deadline === undefined || deadline > this.now, `deadline ${String(deadline)} is not after ${String(this.now)}`);
    for (const effect of effects) this.log.push({ at: this.now, effect });
    return effects;
  }

  /** Lets time pass, waking the peer when it wishes; returns what it did. */
  after(ms: number): PeerEffect[] {
    const end = this.now + ms;
    const effects: PeerEffect[] = [];
    for (;;) {
      const deadline = this.peer.nextDeadline();
      if (deadline === undefined || deadline > end) break;
      this.now = deadline;
      effects.push(...this.send({ type: "time-passed" }));
    }
    this.now = end;
    return effects;
  }

  read(reader: number, next = 0, end: number = this.pieces): PeerEffect[] {
    return this.send({ type: "reader-opened", reader, next, end });
  }

  grant(grant: number, granted: PieceRun, parent?: { host: HostId; address: string }): PeerEffect[] {
    return this.send({ type: "grant-received", grant: parent === undefined ? { grant, run: granted } : { grant, run: granted, parent } });
  }

  land(transfer: number, piece: number, variant = 0): PeerEffect[] {
    return this.send({ type: "piece-landed", transfer, ...line(piece, variant) });
  }

  table(...pieces: readonly number[]): PeerEffect[] {
    return this.send({ type: "table-received", hashes: pieces.map((piece) => line(piece)) });
  }

  /** Everything lands as asked and the transfer ends well. */
  deliver(effect: { readonly transfer: number; readonly run: PieceRun }): PeerEffect[] {
    const effects: PeerEffect[] = [];
    for (let index = 0; index < effect.run.count; index++)
      effects.push(...this.land(effect.transfer, effect.run.first + index * effect.run.stride));
    return [...effects, ...this.send({ type: "transfer-ended", transfer: effect.transfer })];
  }

  get snapshot(): PeerSnapshot {
    return this.peer.snapshot();
  }
}

/** The effects of one kind. */
export function only<Type extends PeerEffect["type"]>(effects: readonly PeerEffect[], type: Type): Extract<PeerEffect, { type: Type }>[] {
  return effects.filter((effect): effect is Extract<PeerEffect, { type: Type }> => effect.type === type);
}

/** The one effect of a kind; fails where there is none or another. */
export function one<Type extends PeerEffect["type"]>(effects: readonly PeerEffect[], type: Type): Extract<PeerEffect, { type: Type }> {
  const [first, ...more] = only(effects, type);
  assert.ok(first !== undefined, `no ${type} in ${effects.map((effect) => effect.type).join(", ")}`);
  assert.equal(more.length, 0, `more than one ${type}`);
  return first;
}

/** What was told to the scheduler. */
export function told(effects: readonly PeerEffect[]): PeerReport[] {
  return only(effects, "tell-scheduler").map(({ report }) => report);
}

/** The reports of one kind. */
export function toldOf<Type extends PeerReport["type"]>(effects: readonly PeerEffect[], type: Type): Extract<PeerReport, { type: Type }>[] {
  return told(effects).filter((report): report is Extract<PeerReport, { type: Type }> => report.type === type);
}
