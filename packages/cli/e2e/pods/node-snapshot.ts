import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Every file, directory and link under a directory with its mode, owner and bytes, without what is below `except` (paths from the directory) and what goes away meanwhile. */
export function snapshotOf(root: string, except: readonly string[]): string[] {
  return below(root, "", except)
    .toSorted()
    .flatMap((path) => {
      const what = passing(() => describe(join(root, path)));
      return what === undefined ? [] : [`${path} ${what}`];
    });
}

function below(root: string, folder: string, except: readonly string[]): string[] {
  const entries = passing(() => readdirSync(join(root, folder), { withFileTypes: true })) ?? [];
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (except.includes(path)) return [];
    return entry.isDirectory() ? [path, ...below(root, path, except)] : [path];
  });
}

/** What a look at a file gives; undefined where the file went away meanwhile. */
function passing<Seen>(look: () => Seen): Seen | undefined {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function describe(path: string): string {
  const stat = lstatSync(path);
  const who = `${(stat.mode & 0o7777).toString(8)} ${String(stat.uid)}:${String(stat.gid)}`;
  if (stat.isSymbolicLink()) return `link ${readlinkSync(path)}`;
  if (stat.isFile()) return `file ${who} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
  return `${stat.isDirectory() ? "directory" : "other"} ${who}`;
}
