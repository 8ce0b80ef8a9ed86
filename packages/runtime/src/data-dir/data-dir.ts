import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Logger } from "../log.ts";
import { StartError } from "../start-error.ts";
import { releaseLock, takeLock } from "./lock-file.ts";

/** The directory of everything a process keeps, which is its own until it is disposed. */
export type DataDir = Disposable & { readonly path: string };

export type DataDirOptions = {
  /** Which process uses it, for whoever finds it in use: `daemon`, `scheduler`. */
  readonly purpose: string;
  /** The program's version, for whoever finds a newer format: `0.1.0`. */
  readonly version: string;
  readonly log: Logger;
};

/** The layout of a data directory; it grows by one whenever an older Darner could no longer read what a newer one writes. */
export const DATA_FORMAT = 1;

/**
 * Opens a data directory: makes it where it is missing (for this user only), takes it for this process, checks its format.
 * Rejects with `StartError`. What it holds from a killed process needs no repair here.
 */
export async function openDataDir(path: string, options: DataDirOptions): Promise<DataDir> {
  const absolute = resolve(path);
  const lock = join(absolute, "lock");
  const token = attempt(absolute, () => {
    makeDirectory(absolute);
    return lockFor(absolute, lock, options.purpose);
  });
  try {
    attempt(absolute, () => checkFormat(absolute, options.version));
  } catch (error) {
    releaseLock(lock, token);
    throw error;
  }
  options.log.debug("data directory opened", { path: absolute });
  return { path: absolute, [Symbol.dispose]: () => releaseLock(lock, token) };
}

/** Makes a directory for this user only, and what is missing above it. Node's own `recursive` never returns where a parent that is there refuses children with ENOENT (/proc). */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    if (code !== "ENOENT" || existsSync(dirname(path))) throw error;
    makeDirectory(dirname(path));
    makeDirectory(path);
  }
}

function lockFor(path: string, lock: string, purpose: string): string {
  const attempted = takeLock(lock, purpose);
  if (attempted.kind === "taken") return attempted.token;
  const { pid, purpose: other } = attempted.holder;
  throw new StartError(
    { code: "data-dir-in-use", path, pid },
    `data directory ${path} (dataDir) is in use by process ${String(pid)} (darner ${other}): stop it or set dataDir to another directory`,
  );
}

function checkFormat(path: string, version: string): void {
  const file = join(path, "VERSION");
  const text = readIfThere(file);
  if (text === undefined) {
    writeFileSync(`${file}.new`, `${String(DATA_FORMAT)}\nwritten by darner ${version}\n`, { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
    return;
  }
  const [first = "", second = ""] = text.split("\n");
  if (!/^[0-9]{1,9}$/.test(first)) {
    throw new StartError(
      { code: "data-dir-unusable", path },
      `data directory ${path} (dataDir) has a VERSION file that is not Darner's: is it the right directory? If so, remove that file`,
    );
  }
  const format = Number(first);
  if (format <= DATA_FORMAT) return;
  const writtenBy = second.replace(/^written by /, "") || "a newer darner";
  throw new StartError(
    { code: "data-dir-newer", path, format, writtenBy },
    `data directory ${path} (dataDir) has format ${first}, ${second || "written by a newer darner"}; this is darner ${version}, which knows formats up to ` +
      `${String(DATA_FORMAT)}: run that version or a newer one, or set dataDir to another directory`,
  );
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Turns the system's refusal into words. */
function attempt<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError({ code: "data-dir-unusable", path }, `data directory ${path} (dataDir) ${refusal(cause)}`, { cause });
  }
}

function refusal(cause: unknown): string {
  switch ((cause as NodeJS.ErrnoException).code ?? "") {
    case "EACCES":
    case "EPERM":
      return "is not writable by this user: give it to the user or set dataDir to another directory";
    case "EROFS":
      return "is on a read-only file system: mount it writable or set dataDir to another directory";
    case "ENOTDIR":
    case "EEXIST":
      return "is not a directory, or a part of its path is not: remove what is in the way or set dataDir to another directory";
    case "ENOSPC":
    case "EDQUOT":
      return "is on a full disk: make room or set dataDir to another directory";
    default:
      return `cannot be used: ${cause instanceof Error ? cause.message : String(cause)}; set dataDir to another directory`;
  }
}
