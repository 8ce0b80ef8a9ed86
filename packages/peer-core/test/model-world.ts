import { hostIdOf, PieceSet, piecesOf, runsOf, type PieceRun, type SourceAccess } from "@darner/domain";
import { DEFAULT_LIMITS, Peer, type PeerEffect, type PeerEvent, type PeerReport, type TransferFailure } from "../src/index.ts";
import { hashOf, line, taskOf } from "./peer-bench.ts";

/** How the world around one peer is. Shares are probabilities. */
export type World = {
  readonly seed: number;
  readonly pieces: number;
  readonly access: SourceAccess;
  readonly withoutRanges: boolean;
  readonly priority: "reader" | "preheat";
  /** A scheduler from the beginning. */
  readonly scheduler: boolean;
  /** Instants at which the session with the scheduler ends or begins. */
  readonly turns: readonly number[];
  /** Share of what the scheduler should say that it does not. */
  readonly schedulerDeaf: number;
  /** Share of pieces that the scheduler lets the source give, the rest comes from parents. */
  readonly sourceShare: number;
  /** Share of source reads that break. */
  readonly sourceBreaks: number;
  /** Share of source pieces that are wrong until the blob was dropped. */
  readonly sourceLies: number;
  /** Share of fetches that break or stay silent. */
  readonly parentBreaks: number;
  /** Share of pieces from parents that are wrong. */
  readonly parentLies: number;
  readonly readers: readonly { readonly at: number; readonly next: number; readonly end: number; readonly leaves: number | undefined }[];
};

/** What became of it. */
export type Outcome = {
  readonly ended: boolean;
  readonly complete: boolean;
  /** Whether every byte of a complete blob was right. */
  readonly right: boolean;
  readonly failed: readonly string[];
  readonly at: number;
};

const TOO_LONG_MS = 3_600_000;
// A life takes some hundred steps; far above, the peer and the world keep each other busy for nothing.
const TOO_MANY_STEPS = 100_000;
const PARENTS = ["mother", "father", "aunt"].map((name) => ({ host: hostIdOf(name), address: "10.0.0.1:4102" }));

/** A peer with the smallest body that executes all its effects, in virtual time: random delays and faults, all from one seed. */
export class ModelWorld {
  readonly #world: World;
  readonly #peer: Peer;
  readonly #queue: { at: number; act: () => void }[] = [];
  readonly #disk = new Map<number, number>();
  readonly #readers = new Map<number, { next: number; readonly end: number }>();
  readonly #failed: string[] = [];
  readonly #running = new Set<number>();
  #random: number;
  #now = 0;
  #have: PieceSet;
  #live: boolean;
  #grants = new Map<number, PieceRun>();
  #lastGrant = 0;
  #drops = 0;
  readonly #trail: unknown[] = [];
  #ended = false;
  #complete = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.seed;
    this.#have = new PieceSet(world.pieces);
    this.#live = world.scheduler;
    this.#peer = new Peer(DEFAULT_LIMITS, () => this.#dice());
  }

  run(): Outcome {
    const { pieces, access, priority, scheduler, turns, readers } = this.#world;
    this.#send({
      type: "peer-started",
      task: taskOf(pieces),
      registry: "docker.io",
      access,
      sequential: false,
      priority,
      have: new PieceSet(pieces),
      schedulerLive: scheduler,
    });
    for (const at of turns)
      this.#after(at, () => {
        this.#turn();
      });
    for (const [reader, { at, next, end, leaves }] of readers.entries()) {
      this.#after(at, () => {
        this.#open(reader, next, end);
      });
      if (leaves !== undefined)
        this.#after(at + leaves, () => {
          this.#close(reader);
        });
    }
    let steps = 0;
    while (!this.#ended && this.#now < TOO_LONG_MS && steps < TOO_MANY_STEPS && this.#step()) steps += 1;
    const right = [...this.#disk.values()].every((variant) => variant === 0);
    return { ended: this.#ended, complete: this.#complete, right, failed: this.#failed, at: this.#now };
  }

  /** The last events and what the peer did, for a test that failed. */
  get trail(): string {
    return this.#trail.map((entry) => JSON.stringify(entry)).join("\n");
  }

  #step(): boolean {
    const next = this.#queue[0];
    const deadline = this.#peer.nextDeadline();
    if (deadline !== undefined && (next === undefined || deadline < next.at)) {
      this.#now = deadline;
      this.#send({ type: "time-passed" });
      return true;
    }
    if (next === undefined) return false;
    this.#queue.shift();
    this.#now = next.at;
    next.act();
    return true;
  }

  #send(event: PeerEvent): void {
    const effects = this.#peer.handle(event, this.#now);
    this.#peer.checkInvariants();
    this.#trail.push({ at: this.#now, event, effects });
    if (this.#trail.length > 30) this.#trail.shift();
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: PeerEffect): void {
    switch (effect.type) {
      case "fetch-pieces":
        this.#fetch(effect.transfer, effect.run);
        return;
      case "read-source":
        this.#readSource(effect.transfer, effect.run);
        return;
      case "cancel-transfer":
        this.#running.delete(effect.transfer);
        return;
      case "accept-pieces":
        for (const { piece } of effect.pieces) this.#have.add(piece);
        this.#after(0, () => {
          this.#advance();
        });
        return;
      case "tell-scheduler":
        if (this.#live)
          this.#after(this.#between(2, 30), () => {
            this.#hear(effect.report);
          });
        return;
      case "finish-proof":
        this.#after(50, () => {
          this.#prove();
        });
        return;
      case "complete-blob":
        this.#complete = true;
        return;
      case "drop-blob":
        this.#drops += 1;
        this.#have = new PieceSet(this.#world.pieces);
        this.#disk.clear();
        return;
      case "fail-readers":
        this.#failed.push(effect.reason);
        for (const reader of effect.readers) this.#readers.delete(reader);
        return;
      case "end-peer":
        this.#ended = true;
        return;
      case "refuse-piece":
    }
  }

  #prove(): void {
    const isRight = [...this.#disk.values()].every((variant) => variant === 0);
    this.#send({ type: isRight ? "proof-succeeded" : "proof-failed" });
  }

  #readSource(transfer: number, run: PieceRun): void {
    const { withoutRanges, pieces, sourceBreaks, sourceLies, access } = this.#world;
    if (access === "none") {
      this.#transfer(transfer, [], 0, { code: "source-refused" });
    } else if (withoutRanges && run.count < pieces) {
      this.#transfer(transfer, [], 0, { code: "source-without-range" });
    } else {
      const code = this.#dice() < 0.5 ? "source-unavailable" : "source-limited";
      const failure = this.#dice() < sourceBreaks ? ({ code, retryAfterMs: this.#between(0, 3000) } as const) : undefined;
      this.#transfer(transfer, piecesOf(run), this.#drops > 0 ? 0 : sourceLies, failure);
    }
  }

  #fetch(transfer: number, run: PieceRun): void {
    const codes = ["channel-lost", "parent-silent", "parent-refused"] as const;
    const code = codes[Math.floor(this.#dice() * codes.length)] ?? "channel-lost";
    this.#transfer(transfer, piecesOf(run), this.#world.parentLies, this.#dice() < this.#world.parentBreaks ? { code } : undefined);
  }

  /** Pieces land one after the other, each wrong with the share `lies`; with a failure only some of them, and a while later. */
  #transfer(transfer: number, pieces: readonly number[], lies: number, failure: TransferFailure | undefined): void {
    this.#running.add(transfer);
    const drops = this.#drops;
    let at = this.#between(5, 200);
    const sent = failure === undefined ? pieces : pieces.slice(0, Math.floor(this.#dice() * pieces.length));
    for (const piece of sent) {
      const variant = this.#dice() < lies ? 1 : 0;
      at += this.#between(1, 60);
      this.#after(at, () => {
        if (this.#drops === drops && this.#running.has(transfer)) this.#land(transfer, piece, variant);
      });
    }
    if (failure?.code === "parent-silent") at += 3000;
    this.#after(at + 1, () => {
      if (this.#running.delete(transfer))
        this.#send(failure === undefined ? { type: "transfer-ended", transfer } : { type: "transfer-ended", transfer, failure });
    });
  }

  #land(transfer: number, piece: number, variant: number): void {
    if (this.#have.has(piece)) return;
    this.#disk.set(piece, variant);
    this.#send({ type: "piece-landed", transfer, piece, hash: hashOf(piece, variant) });
  }

  #open(reader: number, next: number, end: number): void {
    this.#readers.set(reader, { next, end });
    // As a daemon does: a reader raises a preheat.
    this.#send({ type: "priority-raised" });
    this.#send({ type: "reader-opened", reader, next, end });
    this.#advance();
  }

  #close(reader: number): void {
    if (this.#readers.delete(reader)) this.#send({ type: "reader-closed", reader });
  }

  #advance(): void {
    for (const [reader, place] of [...this.#readers]) {
      const next = Math.min(place.end, this.#have.firstMissing(place.next));
      if (next > place.next) this.#send({ type: "reader-advanced", reader, next });
      place.next = next;
      if (next === place.end) this.#close(reader);
    }
  }

  #turn(): void {
    this.#live = !this.#live;
    this.#grants = new Map();
    this.#send({ type: this.#live ? "scheduler-found" : "scheduler-lost" });
  }

  #hear(report: PeerReport): void {
    if (!this.#live || this.#dice() < this.#world.schedulerDeaf) return;
    switch (report.type) {
      case "open":
        this.#tellTable();
        this.#say({ type: "standing-told", standing: "fed", retryAfterMs: 0 });
        for (const run of runsOf(
          Array.from({ length: this.#world.pieces }, (_, piece) => piece).filter((piece) => !report.have.has(piece)),
        ))
          this.#grantAll(run);
        return;
      case "need":
        this.#say({ type: "table-received", hashes: piecesOf(report.run).map((piece) => line(piece)) });
        this.#grantAll(report.run);
        return;
      case "grant-failed":
        for (const run of runsOf(this.#missingOf(report.grant))) this.#grantAll(run);
        return;
      case "proof-failed":
        this.#say({ type: "restart-ordered" });
        return;
      case "close":
      case "verified":
      case "proven":
    }
  }

  #missingOf(grant: number): number[] {
    const run = this.#grants.get(grant);
    return run === undefined ? [] : piecesOf(run).filter((piece) => !this.#have.has(piece));
  }

  #tellTable(): void {
    const known = Array.from({ length: this.#world.pieces }, (_, piece) => piece).filter(() => this.#dice() < 0.7);
    this.#say({ type: "table-received", hashes: known.map((piece) => line(piece)) });
  }

  /** Grants the pieces of a run in a few parts, from anybody. */
  #grantAll(run: PieceRun): void {
    let first = run.first;
    const end = run.first + run.count;
    while (first < end) {
      const count = Math.min(end - first, this.#between(1, 12));
      const grant = ++this.#lastGrant;
      const part = { first, stride: 1, count };
      this.#grants.set(grant, part);
      const parent = PARENTS[Math.floor(this.#dice() * PARENTS.length)];
      const isSource = this.#world.access !== "none" && this.#dice() < this.#world.sourceShare;
      this.#say({ type: "grant-received", grant: isSource || parent === undefined ? { grant, run: part } : { grant, run: part, parent } });
      first += count;
    }
  }

  #say(event: PeerEvent): void {
    const grants = this.#grants;
    this.#after(this.#between(2, 30), () => {
      if (this.#live && grants === this.#grants) this.#send(event);
    });
  }

  #after(ms: number, act: () => void): void {
    const at = this.#now + ms;
    let index = this.#queue.length;
    while (index > 0 && (this.#queue[index - 1]?.at ?? 0) > at) index -= 1;
    this.#queue.splice(index, 0, { at, act });
  }

  #between(from: number, to: number): number {
    return from + Math.floor(this.#dice() * (to - from));
  }

  // mulberry32
  #dice(): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#random ^ (this.#random >>> 15), 1 | this.#random);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
