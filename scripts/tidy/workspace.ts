import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One package of the workspace, as its files describe it. */
export type Package = {
  readonly folder: string;
  readonly name: string;
  readonly description: string;
  readonly dependencies: readonly string[];
};

/** The packages of the checkout at `root`, by folder. */
export function packagesOf(root: string): Package[] {
  return globSync("packages/*/package.json", { cwd: root })
    .sort()
    .map((path) => {
      const content = JSON.parse(readFileSync(join(root, path), "utf8")) as Partial<Package> & { dependencies?: Record<string, string> };
      const folder = path.split("/")[1] ?? "";
      return {
        folder,
        name: content.name ?? "",
        description: content.description ?? "",
        dependencies: Object.keys(content.dependencies ?? {}),
      };
    });
}

// What tools make or fetch, and where processes keep their data.
const NOT_OURS = new Set([".git", ".tmp", ".darner", "data", "dist", "gen", "node_modules", "package-lock.json"]);

/** Every file written by hand, relative to `root`: sources, scripts, protocol, charts, documents. */
export function writtenFiles(root: string, folder = ""): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !NOT_OURS.has(entry.name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return writtenFiles(root, path);
      return entry.isFile() ? [path] : [];
    })
    .sort();
}

/** Whether the path is program text. */
export function isSource(path: string): boolean {
  return /\.(ts|mjs|js|proto|sh)$/.test(path) || path.startsWith(".ci/");
}

/** The text of a file; "" where there is none. */
export function read(root: string, path: string): string {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "";
}
