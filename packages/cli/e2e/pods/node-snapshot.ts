import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Every file, directory and link under a directory with its mode, owner and bytes, without what is below `except` (paths from the directory) and what goes away meanwhile. */
export function snapshotOf(root: string, except: readonly string[]): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => !except.some((outside) => path === outside || path.startsWith(`${outside}/`)))
    .toSorted()
    .flatMap((path) => {
      const what = describe(join(root, path));
      return what === undefined ? [] : [`${path} ${what}`];
    });
}

function describe(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const who = `${(stat.mode & 0o7777).toString(8)} ${String(stat.uid)}:${String(stat.gid)}`;
  if (stat.isSymbolicLink()) return `link ${readlinkSync(path)}`;
  if (stat.isFile()) return `file ${who} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
  return `${stat.isDirectory() ? "directory" : "other"} ${who}`;
}
