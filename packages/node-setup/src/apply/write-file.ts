import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Whose a file is and who may read it. */
export type Keeping = { readonly mode: number; readonly owner?: { readonly uid: number; readonly gid: number } };

/** Puts a file in place at one instant: whoever reads sees the old one or the whole new one, also after a power cut. */
export async function writeAtomically(path: string, bytes: string | Buffer, { mode, owner }: Keeping): Promise<void> {
  const draft = `${path}.darner-new`;
  try {
    const file = await open(draft, "w", mode);
    try {
      await file.writeFile(bytes);
      // The umask does not hold for a file that is put back as it was.
      await file.chmod(mode);
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
