import { parseTask, pieceRange, taskId, type Digest, type PieceHash, type Task, type TaskId } from "@darner/domain";
import type { Logger } from "@darner/runtime";

import type { Backing, BlobBacking, SpoolBacking } from "./backing.ts";
import { BlobEntry } from "./blob-entry.ts";
import type { BufferPool } from "../pieces/buffer-pool.ts";
import { chooseVictims } from "./eviction.ts";
import { fillBlob, type ByteSource } from "../fill-blob.ts";
import { HeldBlob, type Keeper } from "./held-blob.ts";
import { Room, type RoomLimits } from "./room.ts";
import { ShelfSpool } from "./shelf-spool.ts";
import type { BlobFacts, BlobStore, BlobSummary, Spool, StoredBlob } from "../store.ts";
import { storeError, StoreError } from "../store-error.ts";

/** What a shelf works with. */
export type ShelfParts = {
  readonly backing: Backing;
  readonly limits: RoomLimits;
  readonly pool: BufferPool;
  readonly log: Logger;
  readonly clock: () => number;
};

/** What a backing found when it was opened. */
export type FoundBlob = {
  readonly task: Task;
  readonly facts: BlobFacts;
  readonly lastUseMs: number;
  readonly backing: BlobBacking;
  readonly complete: boolean;
  readonly verified?: readonly PieceHash[];
};

// 5 s: several gigabytes are hashed again by then, and the work began when the store was opened; of a larger blob the rest is fetched anew.
const RECHECK_PATIENCE_MS = 5000;

// What is here under an unproven table gives way to what is proven; the file after that is empty, so a third try needs a rival that is faster than a copy.
const FILL_TRIES = 3;

/** The blobs of a store and the rules of keeping them, whatever they are kept on: who holds, what fits, who goes. */
export class BlobShelf implements BlobStore, Keeper {
  readonly pool: BufferPool;
  readonly #parts: ShelfParts;
  readonly #room: Room;
  // Least recently used first. Bounded by the byte budget.
  readonly #entries = new Map<TaskId, BlobEntry>();
  readonly #complete = new Map<Digest, BlobEntry>();
  /** Blobs being taken away: another of the same digest waits for that. */
  readonly #removing = new Map<Digest, Promise<void>>();
  readonly #dropListeners = new Set<(task: Task) => void>();
  /** Whoever needs room waits here for the one before. */
  #turn: Promise<unknown> = Promise.resolve();
  #beforeClose: () => Promise<void> = () => Promise.resolve();
  #closed = false;

  constructor(parts: ShelfParts) {
    this.#parts = parts;
    this.pool = parts.pool;
    this.#room = new Room(parts.limits, () => parts.backing.freeBytes());
  }

  /** Takes in a blob that is there already; oldest use first. */
  admit(found: FoundBlob): BlobEntry {
    const entry = new BlobEntry({ ...found, openSide: () => this.#parts.backing.openSide() });
    this.#entries.set(entry.id, entry);
    if (entry.complete) this.#complete.set(entry.task.digest, entry);
    this.#room.reserved += entry.task.size;
    this.#room.stored += entry.storedBytes;
    return entry;
  }

  /** Whether there is a blob for this task, in full or in part. */
  has(task: Task): boolean {
    return this.#entries.has(taskId(task));
  }

  /** What must end before the blobs are let go. */
  beforeClose(end: () => Promise<void>): void {
    this.#beforeClose = end;
  }

  get usage(): { readonly bytes: number; readonly blobs: number; readonly maxBytes: number } {
    return { bytes: this.#room.stored, blobs: this.#entries.size, maxBytes: this.#parts.limits.maxBytes };
  }

  open(task: Task, why: "use" | "check" = "use"): StoredBlob | undefined {
    const entry = this.#closed ? undefined : this.#entries.get(taskId(task));
    if (entry === undefined) return undefined;
    return why === "use" ? this.#hold(entry) : new HeldBlob(entry, this);
  }

  async openOrCreate(task: Task, facts: BlobFacts): Promise<StoredBlob> {
    if (parseTask(task.digest, task.size) === undefined) throw new Error(`${taskId(task)} cannot be verified, so it cannot be stored`);
    const there = this.open(task);
    const blob = there ?? (await this.#inTurn(async () => this.open(task) ?? (await this.#create(task, facts))));
    const entry = this.#entries.get(taskId(task));
    if (entry === undefined) return blob;
    if (there !== undefined) this.#addFacts(entry, facts);
    await settled(entry);
    return blob;
  }

  async put(task: Task, bytes: Uint8Array, facts: BlobFacts): Promise<void> {
    if (bytes.length !== task.size) throw new Error(`${taskId(task)} does not have ${String(bytes.length)} bytes`);
    const read = (offset: number, into: Uint8Array): Promise<void> => {
      into.set(bytes.subarray(offset, offset + into.length));
      return Promise.resolve();
    };
    await this.#fill(task, facts, { read });
  }

  findComplete(digest: Digest): Task | undefined {
    return this.#complete.get(digest)?.task;
  }

  pin(task: Task, ms: number): void {
    const entry = this.#entries.get(taskId(task));
    const pinnedUntilMs = this.#parts.clock() + ms;
    if (ms <= 0 || entry?.complete !== true || (entry.facts.pinnedUntilMs ?? 0) >= pinnedUntilMs) return;
    entry.facts = { ...entry.facts, pinnedUntilMs };
    entry.backing.note(entry.facts, entry.lastUseMs);
  }

  list(): BlobSummary[] {
    return [...this.#entries.values()].map(({ task, complete, have, facts }) => ({ task, complete, have, facts }));
  }

  async spool(): Promise<Spool> {
    this.#requireOpen();
    const backing = await this.#parts.backing.openSpool().catch((error: unknown) => {
      throw storeError(error, "opening a spool");
    });
    return new ShelfSpool({
      backing,
      maxStepBytes: this.#parts.limits.maxBytes,
      reserve: (bytes) => this.#inTurn(() => this.#reserve(bytes)),
      stored: (bytes) => (this.#room.stored += bytes),
      release: (bytes) => (this.#room.reserved -= bytes),
      adopt: (task, facts, settle) => this.#adopt(task, facts, backing, settle),
    });
  }

  onDropped(listener: (task: Task) => void): () => void {
    this.#dropListeners.add(listener);
    return () => this.#dropListeners.delete(listener);
  }

  /** Makes room again where others have filled the disk. */
  async sweep(): Promise<void> {
    await this.#inTurn(async () => {
      const headroom = await this.#room.headroom();
      if (headroom < 0) await this.#evict(-headroom);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#beforeClose();
    await this.#turn.catch(() => undefined);
    await Promise.allSettled([...this.#entries.values()].flatMap(({ completing }) => completing ?? []));
    await Promise.allSettled(this.#removing.values());
    for (const entry of this.#entries.values()) entry.backing.rest();
    await this.#parts.backing.close();
  }

  claimed(entry: BlobEntry, pieces: readonly PieceHash[]): void {
    for (const { piece } of pieces) this.#countPiece(entry, piece);
    entry.backing.claim(pieces);
  }

  /** A piece of an earlier boot of the kernel was hashed again and is right. */
  rechecked(entry: BlobEntry, piece: PieceHash): void {
    if (!entry.claimRechecked(piece)) return;
    this.#countPiece(entry, piece.piece);
    entry.tell(piece.piece);
  }

  released(entry: BlobEntry): void {
    entry.holders -= 1;
    if (entry.holders > 0) return;
    entry.backing.rest();
    if (!entry.dropped) this.#touch(entry);
  }

  complete(entry: BlobEntry): Promise<void> {
    if (entry.complete) return Promise.resolve();
    entry.completing ??= this.#finish(entry).finally(() => (entry.completing = undefined));
    return entry.completing;
  }

  async drop(entry: BlobEntry, reason: string, kept?: "kept"): Promise<void> {
    if (entry.dropped) return;
    this.#parts.log.info("blob dropped from the store", { digest: entry.task.digest, size: entry.task.size, reason });
    this.#entries.delete(entry.id);
    if (this.#complete.get(entry.task.digest) === entry) this.#complete.delete(entry.task.digest);
    this.#room.reserved -= entry.task.size;
    this.#room.stored -= entry.storedBytes;
    const removal = this.#remove(entry, kept);
    this.#removing.set(entry.task.digest, removal);
    entry.becomeDropped();
    for (const listener of [...this.#dropListeners]) listener(entry.task);
    await removal;
    if (this.#removing.get(entry.task.digest) === removal) this.#removing.delete(entry.task.digest);
  }

  #hold(entry: BlobEntry): HeldBlob {
    this.#touch(entry);
    return new HeldBlob(entry, this);
  }

  #touch(entry: BlobEntry): void {
    this.#entries.delete(entry.id);
    this.#entries.set(entry.id, entry);
    entry.lastUseMs = this.#parts.clock();
    entry.backing.note(entry.facts, entry.lastUseMs);
  }

  /** What was known first stays: an unproven blob keeps the registry whose table it was checked against. */
  #addFacts(entry: BlobEntry, facts: BlobFacts): void {
    if (Object.keys(facts).every((name) => name in entry.facts)) return;
    entry.facts = { ...facts, ...entry.facts };
    entry.backing.note(entry.facts, entry.lastUseMs);
  }

  /** A blob of which nothing is here was read through no registry yet: it is whose bytes come now. */
  #renameEmpty(task: Task, { registry }: BlobFacts): void {
    const entry = this.#entries.get(taskId(task));
    if (entry !== undefined && entry.have.count === 0 && registry !== undefined) entry.facts = { ...entry.facts, registry };
  }

  #countPiece(entry: BlobEntry, piece: number): void {
    const { start, end } = pieceRange(entry.task.size, piece);
    this.#room.stored += end - start;
  }

  /** Waits for whoever asked for room before; a failure is the asker's alone. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#requireOpen();
    const turn = this.#turn.then(() => {
      this.#requireOpen();
      return work();
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #create(task: Task, facts: BlobFacts): Promise<StoredBlob> {
    await this.#removing.get(task.digest);
    await this.#reserve(task.size);
    const lastUseMs = this.#parts.clock();
    try {
      const backing = await this.#parts.backing.create(task, facts, lastUseMs);
      return this.#hold(this.admit({ task, facts, backing, lastUseMs, complete: false }));
    } catch (error) {
      throw storeError(error, `making ${taskId(task)}`);
    } finally {
      // `admit` counts what is there; where nothing came to be, nothing is counted.
      this.#room.reserved -= task.size;
    }
  }

  /** Reserves `bytes`, evicting what must go for them; evicts nothing where that would not suffice. */
  async #reserve(bytes: number): Promise<void> {
    const missing = bytes - (await this.#room.headroom());
    if (missing > 0) {
      const victims = chooseVictims(this.#entries.values(), missing, this.#parts.clock());
      const freed = victims.reduce((sum, { task }) => sum + task.size, 0);
      if (freed < missing)
        throw new StoreError({ code: "no-space", neededBytes: bytes }, `the store has no room for ${String(bytes)} bytes`);
      for (const victim of victims) await this.drop(victim, "evicted: room is needed");
    }
    this.#room.reserved += bytes;
  }

  async #evict(bytes: number): Promise<void> {
    for (const victim of chooseVictims(this.#entries.values(), bytes, this.#parts.clock())) {
      if (victim.holders === 0) await this.drop(victim, "evicted: the disk is filling up");
    }
  }

  async #finish(entry: BlobEntry): Promise<void> {
    if (!entry.dropped && !entry.have.isFull) throw new Error(`${entry.id} is not whole`);
    await this.#dropRival(entry.task);
    requireThere(entry);
    try {
      await entry.backing.complete(entry.hashes());
    } catch (error) {
      throw storeError(error, `completing ${entry.id}`);
    }
    requireThere(entry);
    entry.becomeComplete();
    this.#complete.set(entry.task.digest, entry);
  }

  /** There is one file for a digest: what was kept there under another size gives way to what was proven now. */
  async #dropRival(task: Task): Promise<void> {
    await this.#removing.get(task.digest);
    const rival = this.#complete.get(task.digest);
    if (rival !== undefined && rival.id !== taskId(task)) await this.drop(rival, "another size of this digest was proven");
  }

  async #fill(task: Task, facts: BlobFacts, source: ByteSource): Promise<void> {
    for (let again = 0; again < FILL_TRIES; again++) {
      using blob = await this.openOrCreate(task, facts);
      this.#renameEmpty(task, facts);
      if (await fillBlob(blob, source)) {
        await blob.markComplete();
        return;
      }
      await blob.quarantine("other bytes than these were proven");
    }
    throw new StoreError({ code: "blob-missing" }, `${taskId(task)} was taken in again and again with wrong bytes meanwhile`);
  }

  /** `settle` ends the spool's own reservation, at the moment when the blob is counted. */
  async #adopt(task: Task, facts: BlobFacts, spool: SpoolBacking, settle: () => void): Promise<void> {
    const adopted = await this.#inTurn(async () => {
      if (this.#entries.has(taskId(task))) return undefined;
      await this.#dropRival(task);
      const lastUseMs = this.#parts.clock();
      const backing = await spool.become(task, facts, lastUseMs);
      settle();
      // Complete from now on: the caller has proven it. What is still to come is that it survives a power cut.
      const entry = this.admit({ task, facts, backing, lastUseMs, complete: true });
      entry.completing = backing.complete([]);
      return { entry, blob: this.#hold(entry) };
    });
    if (adopted === undefined) return this.#fill(task, facts, spool);
    const { entry, blob } = adopted;
    try {
      await entry.completing;
    } catch (error) {
      entry.completing = undefined;
      await this.drop(entry, "it could not be made durable");
      throw storeError(error, `adopting ${entry.id}`);
    } finally {
      entry.completing = undefined;
      blob[Symbol.dispose]();
    }
  }

  async #remove(entry: BlobEntry, kept?: "kept"): Promise<void> {
    if (entry.completing !== undefined) await entry.completing.catch(() => undefined);
    try {
      await entry.backing.remove(kept);
    } catch (error) {
      this.#parts.log.warn("blob could not be removed", { digest: entry.task.digest, path: entry.backing.path, error: String(error) });
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw new StoreError({ code: "closed" }, "the store is closed");
  }
}

function requireThere(entry: BlobEntry): void {
  if (entry.dropped) throw new StoreError({ code: "blob-missing" }, `${entry.id} was dropped`);
}

/** Whoever fetches a blob must know what is there, and it must not grow behind its back: what is not hashed again in time is given up. */
async function settled({ rechecking }: BlobEntry): Promise<void> {
  if (rechecking === undefined) return;
  const timer = setTimeout(() => {
    rechecking.stop();
  }, RECHECK_PATIENCE_MS);
  await rechecking.run();
  clearTimeout(timer);
}
