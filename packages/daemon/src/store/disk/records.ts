import { rename, rm } from "node:fs/promises";

import { PIECE_HASH_BYTES, type PieceHash, type TaskId } from "@darner/domain";
import type { Logger } from "@darner/runtime";
import { Level } from "level";

import { StoreError } from "../store-error.ts";
import { unusable } from "./layout.ts";
import { readRecord, type BlobRecord } from "./blob-record.ts";

/** What the records say when the store is opened. */
export type LoadedRecords = {
  readonly blobs: ReadonlyMap<TaskId, BlobRecord>;
  /** Verified pieces by the incarnation of their file. */
  readonly pieces: ReadonlyMap<string, readonly PieceHash[]>;
};

type Operation =
  { readonly type: "put"; readonly key: string; readonly value: Uint8Array } | { readonly type: "del"; readonly key: string };

// 100 ms: what a crash forgets is fetched again, and a blob in full flight still has its pieces written in batches.
const FLUSH_AFTER_MS = 100;
// 1000 records of 32 bytes: a batch that level writes in a few milliseconds.
const FLUSH_AT_OPERATIONS = 1000;
// Six digits: 10^6 pieces of 64 MiB are 64 TiB, and keys sort by piece.
const PIECE_DIGITS = 6;

/**
 * The records of the store in `level`: one for each blob, one for each verified piece of an incoming blob, one table for each complete blob.
 * Writes are gathered for a moment and keep their order. A record that cannot be written costs work after a restart and nothing else, so
 * that is said once in the log and the store goes on.
 */
export class BlobRecords {
  readonly #db: Level<string, Uint8Array>;
  readonly #log: Logger;
  // Bounded by what one flush interval can verify.
  #pending: Operation[] = [];
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #failing = false;

  private constructor(db: Level<string, Uint8Array>, log: Logger) {
    this.#db = db;
    this.#log = log;
  }

  /** Opens the database at `path` and reads it; one that is damaged is moved aside and begun anew. */
  static async open(path: string, log: Logger): Promise<{ records: BlobRecords; loaded: LoadedRecords }> {
    try {
      return await openAndLoad(path, (db) => new BlobRecords(db, log));
    } catch (error) {
      if (isLocked(error)) {
        throw new StoreError({ code: "in-use", dir: path }, `${path} is in use by another daemon: stop it, or use another dataDir`, {
          cause: error,
        });
      }
      log.warn("the store's records are damaged and are moved aside", { path, error: describe(error) });
    }
    try {
      await rm(`${path}.damaged`, { recursive: true, force: true });
      await rename(path, `${path}.damaged`);
      return await openAndLoad(path, (db) => new BlobRecords(db, log));
    } catch (error) {
      throw unusable(path, error);
    }
  }

  putBlob(id: TaskId, record: BlobRecord): void {
    this.#add({ type: "put", key: blobKey(id), value: new TextEncoder().encode(JSON.stringify(record)) });
  }

  putPieces(incarnation: string, pieces: readonly PieceHash[]): void {
    for (const { piece, hash } of pieces) this.#add({ type: "put", key: pieceKey(incarnation, piece), value: hash });
  }

  deletePieces(incarnation: string, pieces: Iterable<number>): void {
    for (const piece of pieces) this.#add({ type: "del", key: pieceKey(incarnation, piece) });
  }

  /** Writes the table of a complete blob; nothing where it came in without pieces. */
  putTable(id: TaskId, hashes: readonly PieceHash[]): void {
    if (hashes.length > 0) this.#add({ type: "put", key: tableKey(id), value: Buffer.concat(hashes.map(({ hash }) => hash)) });
  }

  /** Reads what `putTable` wrote; empty where there is none. Synchronous (8 µs), so that 10,000 tables need no memory. */
  table(id: TaskId): PieceHash[] {
    const bytes = this.#db.getSync(tableKey(id));
    if (bytes === undefined) return [];
    const count = Math.floor(bytes.length / PIECE_HASH_BYTES);
    return Array.from({ length: count }, (_, piece) => ({
      piece,
      hash: bytes.subarray(piece * PIECE_HASH_BYTES, (piece + 1) * PIECE_HASH_BYTES),
    }));
  }

  deleteBlob(id: TaskId): void {
    this.#add({ type: "del", key: blobKey(id) });
    this.#add({ type: "del", key: tableKey(id) });
  }

  /** Everything added so far is with the kernel when this resolves; never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#pending;
    this.#pending = [];
    this.#flushing = this.#flushing.then(() => this.#write(batch));
    return this.#flushing;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#db.close();
  }

  #add(operation: Operation): void {
    this.#pending.push(operation);
    if (this.#pending.length >= FLUSH_AT_OPERATIONS) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), FLUSH_AFTER_MS);
  }

  async #write(batch: Operation[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      await this.#db.batch(batch);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#log.error("the store's records cannot be written", { error: describe(error) });
      this.#failing = true;
    }
  }
}

async function openAndLoad(
  path: string,
  make: (db: Level<string, Uint8Array>) => BlobRecords,
): Promise<{ records: BlobRecords; loaded: LoadedRecords }> {
  const db = new Level<string, Uint8Array>(path, { keyEncoding: "utf8", valueEncoding: "view" });
  try {
    await db.open();
    return { records: make(db), loaded: { blobs: await loadBlobs(db), pieces: await loadPieces(db) } };
  } catch (error) {
    await db.close();
    throw error;
  }
}

async function loadBlobs(db: Level<string, Uint8Array>): Promise<Map<TaskId, BlobRecord>> {
  const blobs = new Map<TaskId, BlobRecord>();
  for (const [key, value] of await db.iterator({ gte: "blob!", lt: 'blob"' }).all()) {
    const record = readRecord(value);
    if (record !== undefined) blobs.set(key.slice("blob!".length) as TaskId, record);
  }
  return blobs;
}

async function loadPieces(db: Level<string, Uint8Array>): Promise<Map<string, PieceHash[]>> {
  const pieces = new Map<string, PieceHash[]>();
  for await (const [key, hash] of db.iterator({ gte: "piece!", lt: 'piece"' })) {
    const [, incarnation = "", piece = ""] = key.split("!");
    const known = pieces.get(incarnation) ?? [];
    pieces.set(incarnation, known);
    known.push({ piece: Number(piece), hash });
  }
  return pieces;
}

function blobKey(id: TaskId): string {
  return `blob!${id}`;
}

function tableKey(id: TaskId): string {
  return `table!${id}`;
}

function pieceKey(incarnation: string, piece: number): string {
  return `piece!${incarnation}!${String(piece).padStart(PIECE_DIGITS, "0")}`;
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && "code" in error.cause && error.cause.code === "LEVEL_LOCKED";
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
