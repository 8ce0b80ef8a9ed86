import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A small workspace in a folder of its own, under the real configuration; gone when disposed of. */
export type TinyWorkspace = Disposable & { readonly root: string };

/** Files by path relative to the workspace. */
export type Files = Readonly<Record<string, string>>;

const real = join(import.meta.dirname, "..", "..");
// The very files that judge the real packages.
const CONFIGURATION = [
  ".dependency-cruiser.js",
  ".prettierrc.json",
  ".prettierignore",
  "eslint.config.js",
  "knip.json",
  "tsconfig.base.json",
  "tsconfig.json",
  "tsconfig.test.json",
];

/** What each tiny package may import; a package that is not named here has no dependency. */
const DEPENDENCIES: Readonly<Record<string, readonly string[]>> = {
  "scheduler-core": ["@darner/domain"],
  protocol: ["@darner/domain", "@grpc/grpc-js"],
  daemon: ["@darner/domain", "@darner/protocol", "libp2p", "level"],
  cli: ["@darner/daemon", "@darner/scheduler-core"],
};

// knip looks at a tool's configuration only where the tool is a dependency.
const TOOLS = { "dependency-cruiser": "*", eslint: "*", "typescript-eslint": "*" };

/** Writes the tiny workspace: every real package with its real tsconfig.json, but with `files` for its sources. */
export function openTinyWorkspace(files: Files): TinyWorkspace {
  const root = mkdtempSync(join(tmpdir(), "darner-gates-"));
  for (const name of CONFIGURATION) cpSync(join(real, name), join(root, name));
  linkDependencies(root);
  for (const folder of readdirSync(join(real, "packages"))) writePackage(root, folder);
  write(root, "package.json", json({ name: "tiny", private: true, type: "module", workspaces: ["packages/*"], devDependencies: TOOLS }));
  for (const [path, text] of Object.entries(files)) write(root, path, text);
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

// Packages from npm are the real ones; @darner/* are the tiny ones.
function linkDependencies(root: string): void {
  mkdirSync(join(root, "node_modules", "@darner"), { recursive: true });
  for (const name of readdirSync(join(real, "node_modules"))) {
    if (name !== "@darner" && !name.startsWith(".")) symlinkSync(join(real, "node_modules", name), join(root, "node_modules", name));
  }
}

function writePackage(root: string, folder: string): void {
  const { name, description } = JSON.parse(readFileSync(join(real, "packages", folder, "package.json"), "utf8")) as Record<string, string>;
  const dependencies = Object.fromEntries((DEPENDENCIES[folder] ?? []).map((dependency) => [dependency, "*"]));
  const exports = { ".": { source: "./src/index.ts", types: "./dist/index.d.ts", default: "./dist/index.js" } };
  write(
    root,
    `packages/${folder}/package.json`,
    json({ name, description, version: "0.1.0", private: true, type: "module", exports, dependencies }),
  );
  write(root, `packages/${folder}/src/index.ts`, "export {};\n");
  cpSync(join(real, "packages", folder, "tsconfig.json"), join(root, "packages", folder, "tsconfig.json"));
  symlinkSync(join("..", "..", "packages", folder), join(root, "node_modules", "@darner", folder));
}

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
