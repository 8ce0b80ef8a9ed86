import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { Plugin } from "esbuild";

/** What the code opens by its place beside itself: `new URL("…", import.meta.url)`. */
export type FilesBesideCode = {
  /** Threads, by the name of their file in the bundle (without `.js`): entry points of their own. */
  readonly threads: Readonly<Record<string, string>>;
  /** Files that are copied, from where they lie in the checkout to where they lie in the bundle. */
  readonly copies: readonly (readonly [from: string, to: string])[];
  /** Makes the code look for all of them where they are in the bundle. */
  readonly plugin: Plugin;
};

const REFERENCE = /new URL\(\s*"([^"]+)",\s*import\.meta\.url,?\s*\)/g;
const SOURCES = "packages/*/src/**/*.ts";

/** Finds what the code of the packages opens beside itself. Throws where it cannot tell what an `import.meta` is for. */
export function filesBesideCode(root: string): FilesBesideCode {
  const threads: Record<string, string> = {};
  const copies = new Map<string, string>();
  for (const file of globSync(SOURCES, { cwd: root, exclude: (path) => /\.(test|conformance)\.ts$/.test(path) }).sort()) {
    if (file.startsWith("packages/testkit/")) continue;
    for (const target of targetsOf(root, file)) {
      if (target.endsWith(".ts")) threads[basename(target, ".ts")] = join(root, target);
      else copies.set(target, placeOf(target));
    }
  }
  return { threads, copies: [...copies], plugin: rewriting(root) };
}

/** The paths, in the checkout, of what a file opens beside itself. */
function targetsOf(root: string, file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const found = [...text.matchAll(REFERENCE)].map((match) => relative(root, join(root, dirname(file), match[1] ?? "")));
  const uses = text.split("import.meta").length - 1;
  if (uses !== found.length) {
    throw new Error(`${file}: a bundle can only follow import.meta in new URL("a/file", import.meta.url), with the path as it is`);
  }
  return found;
}

/** Where a file lies in the bundle: a thread beside main.js, package.json too, all else by its path in the checkout. */
function placeOf(target: string): string {
  if (target.endsWith(".ts")) return `${basename(target, ".ts")}.js`;
  return basename(target) === "package.json" ? "package.json" : target;
}

function rewriting(root: string): Plugin {
  return {
    name: "files-beside-code",
    setup(build) {
      build.onLoad({ filter: /\/packages\/[^/]+\/src\/.*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        if (!text.includes("import.meta")) return undefined;
        const file = relative(root, path);
        const contents = text.replaceAll(REFERENCE, (_all, target: string) => {
          const place = placeOf(relative(root, join(root, dirname(file), target)));
          return `new URL("./${place}", import.meta.url)`;
        });
        return { contents, loader: "ts" };
      });
    },
  };
}
