import { join } from "node:path";
import type { TestContext } from "node:test";

import { digestEncoded, type Task } from "@darner/domain";
import { silentLog } from "@darner/runtime";
import { openTempDir } from "@darner/testkit";

import { openDiskStore, type DiskStoreDeps } from "../disk-store.ts";
import type { BlobStore } from "../store.ts";
import { StoreError } from "../store-error.ts";
import { takeIn, type TestBlob } from "../writing.conformance.ts";

/** A data directory and the way to open it. */
export type Place = { readonly dir: string; readonly open: (deps?: Partial<DiskStoreDeps>) => Promise<BlobStore> };

/** A data directory that may be opened again and again; gone when the test ends. */
export async function place(t: TestContext): Promise<Place> {
  const { path: dir, [Symbol.asyncDispose]: remove } = await openTempDir();
  const opened: BlobStore[] = [];
  t.after(async () => {
    for (const blobs of opened) await blobs[Symbol.asyncDispose]();
    await remove();
  });
  const open = async (deps: Partial<DiskStoreDeps> = {}): Promise<BlobStore> => {
    const blobs = await openDiskStore({ dir, maxBytes: 1e9, minFreeBytes: 0 }, { log: silentLog, bootId: "one boot", ...deps });
    opened.push(blobs);
    return blobs;
  };
  return { dir, open };
}

/** Opens the directory, does something, and closes it. */
export async function once<T>({ open }: Place, work: (blobs: BlobStore) => Promise<T>, deps: Partial<DiskStoreDeps> = {}): Promise<T> {
  await using blobs = await open(deps);
  return await work(blobs);
}

/** Takes in some pieces of a blob and lets go of it; gives the path of its file. */
export async function halfOf(blobs: BlobStore, content: TestBlob, pieces: readonly number[]): Promise<string> {
  using blob = await blobs.openOrCreate(content.task, { registry: "r" });
  await takeIn(blob, content, pieces);
  return blob.path;
}

/** Where a complete blob must lie. */
export function blobFile(dir: string, { digest }: Task): string {
  return join(dir, "blobs", "sha256", digestEncoded(digest));
}

/** Whether an error is a `StoreError` with these details. */
export function has(detail: Readonly<Record<string, unknown>>): (error: unknown) => boolean {
  return (error) => error instanceof StoreError && Object.entries(detail).every(([key, value]) => Reflect.get(error.detail, key) === value);
}
