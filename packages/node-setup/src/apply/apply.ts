import { chmod, lstat, mkdir, readlink, realpath, rm, rmdir, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeWhole, type FileKeeping } from "@darner/runtime";
import { withoutMirror } from "../hosts-toml.ts";
import type { NodeFiles } from "../node-files.ts";
import type { Change, RuntimeName } from "../plan.ts";
import { fingerprint, readLedger, writeLedger, type Entry } from "./ledger.ts";

// What containerd's files are: readable by all, written by root.
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;
// CRI-O and podman read the same drop-in.
const LEDGERS: Readonly<Record<RuntimeName, string>> = {
  containerd: "containerd",
  crio: "registries-conf",
  docker: "docker",
  podman: "registries-conf",
};

/** What an undoing could not put back, a sentence each. */
export type Undone = { readonly undone: readonly string[]; readonly left: readonly string[] };

/**
 * Makes changes to a node and remembers how to take them back. The ledger is on the disk before the change it tells of, so that a process
 * killed at any instant leaves nothing that the next one cannot undo.
 */
export class Applier {
  readonly #files: NodeFiles;
  readonly #ledger: string;

  /** `stateDir`: where the ledger is, in the node's own paths. Runtimes that read the same files share one. */
  constructor(files: NodeFiles, stateDir: string, runtime: RuntimeName) {
    this.#files = files;
    this.#ledger = join(stateDir, `${LEDGERS[runtime]}.json`);
  }

  /** Makes the changes in order. Rejects with the system's error where one cannot be made; those before it stand and can be undone. */
  async apply(changes: readonly Change[]): Promise<void> {
    const entries = [...(await this.#entries())];
    for (const change of changes) {
      await this.#makeDirectories(dirname(change.path), entries);
      if (change.kind === "link") await this.#makeLink(change, entries);
      else await this.#writeFile(change.path, change.after, entries);
    }
  }

  /** Puts everything back that is still as it was left; of what others changed since, only the mirror's own lines are taken out. */
  async undo(): Promise<Undone> {
    const [undone, left]: [string[], string[]] = [[], []];
    const entries = [...(await this.#entries())];
    for (let entry = entries.at(-1); entry !== undefined; entry = entries.at(-1)) {
      const problem = await this.#undoOne(entry);
      if (problem === undefined) undone.push(entry.path);
      else left.push(`${entry.path}: ${problem}`);
      entries.pop();
      await this.#keep(entries);
    }
    return { undone, left };
  }

  async #entries(): Promise<readonly Entry[]> {
    const text = await this.#files.text(this.#ledger);
    return text === undefined ? [] : (readLedger(text) ?? []);
  }

  async #keep(entries: readonly Entry[]): Promise<void> {
    const here = this.#files.here(this.#ledger);
    if (entries.length === 0) {
      await rm(here, { force: true });
      // The directory of the ledgers goes with the last of them.
      await rmdir(dirname(here)).catch(() => undefined);
      return;
    }
    await mkdir(dirname(here), { recursive: true, mode: 0o700 });
    await writeWhole(here, writeLedger(entries), { mode: 0o600 });
  }

  async #writeFile(path: string, after: string, entries: Entry[]): Promise<void> {
    const present = await this.#files.bytes(path);
    const real = await realPlace(this.#files.here(path));
    const keeping = await keepingOf(real);
    const { mode } = keeping;
    const at = entries.findIndex((entry) => entry.kind === "file" && entry.path === path);
    const known = entries[at];
    const isAsLeft = known?.kind === "file" && present !== undefined && known.wrote === fingerprint(present);
    // Somebody wrote the file anew since: what they wrote is what has to be put back.
    const original = isAsLeft ? known.original : originalOf(present);
    const entry: Entry = { kind: "file", path, original, mode: isAsLeft ? known.mode : mode, wrote: fingerprint(after) };
    if (at < 0) entries.push(entry);
    else entries[at] = entry;
    await this.#keep(entries);
    await writeWhole(real, after, keeping);
  }

  async #makeLink({ path, target }: Extract<Change, { kind: "link" }>, entries: Entry[]): Promise<void> {
    entries.push({ kind: "link", path, target });
    await this.#keep(entries);
    await symlink(target, this.#files.here(path));
  }

  /** Every directory that is not there is made, and remembered one by one. */
  async #makeDirectories(path: string, entries: Entry[]): Promise<void> {
    if (path === "/" || (await this.#files.isDirectory(path))) return;
    await this.#makeDirectories(dirname(path), entries);
    entries.push({ kind: "directory", path });
    await this.#keep(entries);
    await mkdir(this.#files.here(path), { mode: DIRECTORY_MODE });
    // The umask of a daemon keeps everything to its owner; the runtimes that read here may run as others.
    await chmod(this.#files.here(path), DIRECTORY_MODE);
  }

  async #undoOne(entry: Entry): Promise<string | undefined> {
    const here = this.#files.here(entry.path);
    switch (entry.kind) {
      case "directory":
        // One that holds something is somebody's by now.
        await rmdir(here).catch(() => undefined);
        return undefined;
      case "link": {
        const target = await readlink(here).catch(() => undefined);
        if (target === entry.target) await rm(here);
        return undefined;
      }
      case "file":
        return this.#undoFile(entry, here);
    }
  }

  async #undoFile({ path, original, mode, wrote }: Extract<Entry, { kind: "file" }>, here: string): Promise<string | undefined> {
    const present = await this.#files.bytes(path);
    if (present === undefined) return (await exists(here)) ? "it cannot be read any more, and stays as it is" : undefined;
    const real = await realPlace(here);
    if (fingerprint(present) === wrote) {
      if (original === null) await rm(here);
      else await writeWhole(real, Buffer.from(original, "base64"), { ...(await keepingOf(real)), mode });
      return undefined;
    }
    const text = present.toString("utf8");
    const bare = withoutMirror(text);
    if (bare === text) return undefined;
    if (bare.trim() === "" && original === null) await rm(here);
    else await writeWhole(real, bare, await keepingOf(real));
    return undefined;
  }
}

function originalOf(present: Buffer | undefined): string | null {
  if (present === undefined) return null;
  const text = present.toString("utf8");
  const bare = withoutMirror(text);
  // Lines of the mirror that no ledger knows of are an earlier life's: they are not put back.
  return (bare === text ? present : Buffer.from(bare)).toString("base64");
}

/** Where a file really is: a link stays the link it is. Rejects for one that leads nowhere from here. */
async function realPlace(here: string): Promise<string> {
  if (!(await exists(here))) return here;
  return realpath(here);
}

async function keepingOf(real: string): Promise<FileKeeping & { readonly mode: number }> {
  const present = await stat(real).catch(() => undefined);
  if (present === undefined) return { mode: FILE_MODE };
  return { mode: present.mode & 0o7777, owner: { uid: present.uid, gid: present.gid } };
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}
