import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";

/** Where credential files are. */
export type CredentialPaths = {
  readonly files: readonly string[];
  /** Directories of such files, or of directories of them: how Kubernetes mounts pull secrets. */
  readonly directories: readonly string[];
};

/** A file as it was found: its text, or why it cannot be read. */
export type FoundFile = { readonly path: string; readonly text: string } | { readonly path: string; readonly problem: string };

// The names of docker's and Kubernetes' files; others in the same directory (a CA, a README) are none of ours.
const NAMES: ReadonlySet<string> = new Set([".dockerconfigjson", ".dockercfg", "config.json"]);
// More pull secrets than any namespace has.
const MAX_FILES = 256;
// Kubernetes keeps no secret above 1 MiB.
const MAX_FILE_BYTES = 1024 * 1024;

/** Finds and reads the files, those named singly first, the rest by name. Never rejects. */
export async function readCredentialFiles({ files, directories }: CredentialPaths): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  const paths = [...files];
  for (const directory of directories) {
    try {
      paths.push(...(await filesIn(directory, true)));
    } catch (error) {
      found.push({ path: directory, problem: reason(error) });
    }
  }
  for (const path of paths.slice(0, MAX_FILES)) found.push(await readOne(path));
  if (paths.length > MAX_FILES) found.push({ path: paths[MAX_FILES] ?? "", problem: `only the first ${String(MAX_FILES)} files are read` });
  return found;
}

/** What changes when a file of these changes: names, sizes and times. Never rejects. */
export async function fingerprintOf({ files, directories }: CredentialPaths): Promise<string> {
  const lines = [...files].map((path) => lineOf(path));
  for (const directory of directories) {
    const inside = await filesIn(directory, true).catch(() => []);
    lines.push(...inside.map((path) => lineOf(path)));
  }
  return (await Promise.all(lines)).join("\n");
}

async function filesIn(directory: string, deeper: boolean): Promise<string[]> {
  const paths: string[] = [];
  const entries = await readdir(directory);
  // Kubernetes keeps the files themselves in directories that begin with two dots, behind links with their names.
  for (const name of entries.filter((entry) => !entry.startsWith("..")).sort()) {
    const path = join(directory, name);
    const kind = await stat(path).catch(() => undefined);
    if (kind?.isDirectory() === true && deeper) paths.push(...(await filesIn(path, false)));
    else if (kind?.isFile() === true && isCredentialFile(name)) paths.push(path);
  }
  return paths;
}

function isCredentialFile(name: string): boolean {
  return NAMES.has(name) || (name.endsWith(".json") && !name.startsWith("."));
}

async function readOne(path: string): Promise<FoundFile> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) return { path, problem: `${basename(path)} is larger than 1 MiB` };
    return { path, text: await readFile(path, "utf8") };
  } catch (error) {
    return { path, problem: reason(error) };
  }
}

async function lineOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return [path, ino, size, mtimeMs].join(" ");
  } catch {
    return `${path} -`;
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  if (code === "ENOENT") return "it is not there";
  if (code === "EACCES") return "it may not be read";
  return code ?? "it cannot be read";
}
