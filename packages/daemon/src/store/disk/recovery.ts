import { lstatSync, renameSync } from "node:fs";
import { mkdir, readdir, rm, unlink } from "node:fs/promises";
import { basename, join } from "node:path";

import { PIECE_HASH_BYTES, pieceCount, taskId, type PieceHash, type Task, type TaskId } from "@darner/domain";
import type { Logger } from "@darner/runtime";

import { errnoOf } from "../store-error.ts";
import type { BlobRecord } from "./blob-record.ts";
import { DiskBlob, type DiskParts } from "./disk-blob.ts";
import { ALGORITHMS, syncFolder, taskOfBlobFile, taskOfId, type DiskLayout } from "./layout.ts";
import { OpenFile } from "./open-file.ts";
import type { LoadedRecords } from "./records.ts";

/** A blob that a record and a file agree on. */
export type RecoveredBlob = {
  readonly task: Task;
  readonly record: BlobRecord;
  readonly backing: DiskBlob;
  /** What the records claim of an incoming blob; to be hashed again where the record is of another boot. */
  readonly claims: readonly PieceHash[];
};

/** What was found in the data directory. */
export type Recovery = {
  /** Least recently used first. */
  readonly blobs: readonly RecoveredBlob[];
  /** Files among the complete blobs that no record vouches for: nothing is claimed of them before their digest is proven. */
  readonly orphans: readonly Task[];
};

/** The files of the store as they lie there: path to size. */
type Files = Map<string, number>;

/**
 * Brings files and records together after any end of the process, even kill -9 at any instant: what only one of them knows goes, a move
 * that was begun is finished, spools go. Costs one stat a file, so 10,000 blobs take a fraction of a second.
 */
export async function recover(parts: DiskParts, loaded: LoadedRecords, log: Logger): Promise<Recovery> {
  const { layout } = parts;
  await rm(layout.spool, { recursive: true, force: true });
  await mkdir(layout.spool);
  const files = await listFiles(layout.incoming);
  for (const algorithm of ALGORITHMS) for (const [path, size] of await listFiles(layout.blobFolder(algorithm))) files.set(path, size);
  const blobs: RecoveredBlob[] = [];
  for (const [id, record] of loaded.blobs) {
    const found = await match(parts, loaded, files, id, record);
    if (found === undefined) forget(parts, loaded, id, record);
    else blobs.push(found);
  }
  forgetStrayPieces(parts, loaded);
  const orphans = await sortOutRest(layout, files, log);
  blobs.sort((left, right) => left.record.lastUseMs - right.record.lastUseMs);
  return { blobs, orphans };
}

/** Finds the file that a record speaks of and takes it out of `files`; undefined where it is not there or not as it should be. */
async function match(
  parts: DiskParts,
  loaded: LoadedRecords,
  files: Files,
  id: TaskId,
  record: BlobRecord,
): Promise<RecoveredBlob | undefined> {
  const task = taskOfId(id);
  if (task === undefined) return undefined;
  const incoming = parts.layout.incomingFile(task, record.incarnation);
  const final = parts.layout.blobFile(task);
  let path = incoming;
  if (record.complete && files.get(final) === task.size) path = final;
  else if (record.complete && files.get(incoming) === task.size) path = await finishMove(parts.layout, files, incoming, final);
  if (files.get(path) !== task.size) return undefined;
  files.delete(path);
  const pieces = pieceCount(task.size);
  const claims = record.complete
    ? []
    : (loaded.pieces.get(record.incarnation) ?? []).filter(({ piece, hash }) => piece < pieces && hash.length === PIECE_HASH_BYTES);
  const backing = new DiskBlob(parts, task, record, new OpenFile(path));
  backing.claimedBefore(claims.map(({ piece }) => piece));
  return { task, record, backing, claims };
}

async function finishMove(layout: DiskLayout, files: Files, from: string, to: string): Promise<string> {
  renameSync(from, to);
  await syncFolder(layout.incoming);
  files.set(to, files.get(from) ?? 0);
  files.delete(from);
  return to;
}

function forget(parts: DiskParts, loaded: LoadedRecords, id: TaskId, record: BlobRecord): void {
  parts.records.deleteBlob(id);
  const pieces = loaded.pieces.get(record.incarnation) ?? [];
  parts.records.deletePieces(
    record.incarnation,
    pieces.map(({ piece }) => piece),
  );
}

function forgetStrayPieces({ records }: DiskParts, loaded: LoadedRecords): void {
  const incarnations = new Set([...loaded.blobs.values()].filter(({ complete }) => !complete).map(({ incarnation }) => incarnation));
  for (const [incarnation, pieces] of loaded.pieces) {
    if (incarnations.has(incarnation)) continue;
    records.deletePieces(
      incarnation,
      pieces.map(({ piece }) => piece),
    );
  }
}

/** Removes incoming files that nobody knows; gives what lies among the complete blobs. */
async function sortOutRest(layout: DiskLayout, files: Files, log: Logger): Promise<Task[]> {
  const orphans = new Map<TaskId, Task>();
  let strange = 0;
  for (const [path, size] of files) {
    if (path.startsWith(join(layout.incoming, "/"))) {
      await unlink(path);
      continue;
    }
    const algorithm = ALGORITHMS.find((name) => path.startsWith(join(layout.blobFolder(name), "/"))) ?? "";
    const task = taskOfBlobFile(algorithm, basename(path), size);
    if (task === undefined) strange += 1;
    else orphans.set(taskId(task), task);
  }
  if (strange > 0) log.warn("files that are no blobs lie among the blobs and are left alone", { dir: layout.blobs, files: strange });
  return [...orphans.values()];
}

async function listFiles(folder: string): Promise<Files> {
  const files: Files = new Map();
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    try {
      const stat = lstatSync(path);
      if (stat.isFile()) files.set(path, stat.size);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
  return files;
}
