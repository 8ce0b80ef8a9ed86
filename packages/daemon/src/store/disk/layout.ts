import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { digestAlgorithm, digestEncoded, parseTask, taskId, type Task } from "@darner/domain";

import { errnoOf, StoreError } from "../store-error.ts";

/** The algorithms whose blobs the store keeps: those it can prove. */
export const ALGORITHMS: readonly string[] = ["sha256", "sha512"];

// Counts up when a store of this version cannot be read by the one before.
const VERSION = 1;

/** Where things lie in the data directory. It is an OCI image layout (image-spec image-layout.md) with a few folders of Darner's own. */
export class DiskLayout {
  readonly dir: string;
  readonly incoming: string;
  readonly spool: string;
  readonly level: string;
  readonly blobs: string;
  /** Blobs whose bytes changed on the disk, for people to look at. */
  readonly quarantine: string;

  constructor(dir: string) {
    this.dir = dir;
    this.incoming = join(dir, "incoming");
    this.spool = join(dir, "spool");
    this.level = join(dir, "level");
    this.blobs = join(dir, "blobs");
    this.quarantine = join(dir, "quarantine");
  }

  /** The folder of the complete blobs of one algorithm. */
  blobFolder(algorithm: string): string {
    return join(this.blobs, algorithm);
  }

  /** Where a complete blob lies. */
  blobFile({ digest }: Task): string {
    return join(this.blobFolder(digestAlgorithm(digest)), digestEncoded(digest));
  }

  /** Where a complete blob that went wrong is put aside. */
  quarantineFile({ digest }: Task): string {
    return join(this.quarantine, `${digestAlgorithm(digest)}-${digestEncoded(digest)}`);
  }

  /** Where a blob lies on its way in; `incarnation` tells it from an earlier file for the same task. */
  incomingFile(task: Task, incarnation: string): string {
    const { digest, size } = task;
    return join(this.incoming, `${digestAlgorithm(digest)}-${digestEncoded(digest)}-${String(size)}-${incarnation}`);
  }

  /** Makes the folders and looks at the version; touches nothing that belongs to a newer Darner. */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.dir, { recursive: true });
      await this.#checkVersion();
      for (const folder of [this.incoming, this.spool, this.quarantine, ...ALGORITHMS.map((name) => this.blobFolder(name))])
        await mkdir(folder, { recursive: true });
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw unusable(this.dir, error);
    }
  }

  /** Writes the two files that make the directory an OCI image layout. */
  async writeMarkers(): Promise<void> {
    const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] };
    try {
      await writeOnce(join(this.dir, "darner-store.json"), { version: VERSION });
      await writeOnce(join(this.dir, "oci-layout"), { imageLayoutVersion: "1.0.0" });
      await writeOnce(join(this.dir, "index.json"), index);
    } catch (error) {
      throw unusable(this.dir, error);
    }
  }

  async #checkVersion(): Promise<void> {
    const text = await readFile(join(this.dir, "darner-store.json"), "utf8").catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (text === undefined) return;
    const version = versionOf(text);
    if (version <= VERSION) return;
    const { dir } = this;
    const message = `${dir} was written by a newer Darner (store version ${String(version)}, this one reads ${String(VERSION)}): use that version, or another dataDir`;
    throw new StoreError({ code: "newer-version", dir, version }, message);
  }
}

/** The error for a data directory that cannot be used. */
export function unusable(dir: string, cause: unknown): StoreError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StoreError(
    { code: "dir-unusable", dir },
    `${dir} cannot be used as the store: ${why}; make it a directory that this user may write`,
    { cause },
  );
}

/** Waits until the names in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The task of a file in `blobs/<algorithm>/`; undefined where the name is no digest. */
export function taskOfBlobFile(algorithm: string, name: string, size: number): Task | undefined {
  return parseTask(`${algorithm}:${name}`, size);
}

/** Reads what `taskId` wrote. */
export function taskOfId(id: string): Task | undefined {
  const slash = id.lastIndexOf("/");
  const task = slash < 0 ? undefined : parseTask(id.slice(0, slash), Number(id.slice(slash + 1)));
  return task !== undefined && taskId(task) === id ? task : undefined;
}

async function writeOnce(path: string, content: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(content)}\n`, { flag: "wx" }).catch((error: unknown) => {
    if (errnoOf(error) !== "EEXIST") throw error;
  });
}

// A version file that was cut off by a crash is one of this version: it is written at the very first start.
function versionOf(text: string): number {
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === "object" && content !== null && "version" in content && typeof content.version === "number"
      ? content.version
      : 0;
  } catch {
    return 0;
  }
}
