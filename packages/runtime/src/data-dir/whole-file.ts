import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Logger } from "../log.ts";

/** Whose a file is and who may read it: by default whoever writes it, and nobody else. */
export type FileKeeping = { readonly mode?: number; readonly owner?: { readonly uid: number; readonly gid: number } };

/** Writes a file that is there whole or not at all: whoever reads sees the old one or the new one, also after a power cut. */
export async function writeWhole(path: string, content: string | Uint8Array, { mode = 0o600, owner }: FileKeeping = {}): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const file = await open(draft, "wx", mode);
    try {
      await file.writeFile(content);
      // The umask does not hold for a file that is put back as it was.
      await file.chmod(mode);
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw cause;
  }
  await syncDirectory(dirname(path));
}

/** The text of a file; undefined where there is none. Everything else that is wrong with it rejects. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cause;
  });
}

/** The JSON of a file that may be begun anew: undefined where there is none, and with a warning where it cannot be read. */
export async function readKeptJson(path: string, log: Pick<Logger, "warn">): Promise<unknown> {
  try {
    const text = await readIfThere(path);
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch (error) {
    log.warn("kept file cannot be read and is begun anew", { file: path, error });
    return undefined;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
