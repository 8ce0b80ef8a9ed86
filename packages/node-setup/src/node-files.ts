import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

// A runtime's configuration is kilobytes; what is larger is none.
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** The file system of a node, seen from where it is mounted; paths are the node's own. Looking never rejects: what cannot be seen is not there. */
export class NodeFiles {
  readonly #root: string;

  constructor(root = "/") {
    this.#root = root;
  }

  /** Where a path of the node is for this process. */
  here(path: string): string {
    return join(this.#root, path);
  }

  /** A text; undefined where there is no such file, or none that is UTF-8 of a sane size. */
  async text(path: string): Promise<string | undefined> {
    const bytes = await this.bytes(path);
    if (bytes === undefined) return undefined;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return undefined;
    }
  }

  async bytes(path: string): Promise<Buffer | undefined> {
    try {
      const { size } = await stat(this.here(path));
      return size > MAX_FILE_BYTES ? undefined : await readFile(this.here(path));
    } catch {
      return undefined;
    }
  }

  async isDirectory(path: string): Promise<boolean> {
    return (await stat(this.here(path)).catch(() => undefined))?.isDirectory() === true;
  }

  async exists(path: string): Promise<boolean> {
    return (await stat(this.here(path)).catch(() => undefined)) !== undefined;
  }

  /** Names in a directory, sorted; none where there is no such directory. */
  async names(path: string): Promise<readonly string[]> {
    return (await readdir(this.here(path)).catch(() => [] as string[])).sort();
  }
}
