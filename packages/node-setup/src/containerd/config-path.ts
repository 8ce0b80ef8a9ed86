import { dirname, isAbsolute, join } from "node:path";
import { parse, TomlError, type TomlTable } from "smol-toml";
import type { NodeFiles } from "../node-files.ts";

/** What containerd's configuration says of the directory of `hosts.toml` files. */
export type ConfigPath =
  /** There is no configuration file. */
  | { readonly kind: "no-file" }
  /** The file says nothing, or an empty text. */
  | { readonly kind: "unset"; readonly version: number; readonly file: string }
  | { readonly kind: "set"; readonly path: string; readonly file: string }
  /** Mirrors in the old form, which containerd does not take beside a directory. */
  | { readonly kind: "legacy-mirrors"; readonly file: string }
  | { readonly kind: "broken"; readonly file: string; readonly problem: string };

// Where each version of the configuration keeps what the CRI plugin knows of registries: version 1, 2, and 3 or later.
const REGISTRY_TABLES: Readonly<Record<number, readonly string[]>> = {
  1: ["plugins", "cri", "registry"],
  2: ["plugins", "io.containerd.grpc.v1.cri", "registry"],
  3: ["plugins", "io.containerd.cri.v1.images", "registry"],
};
// Imports of imports are followed this far; containerd itself stops at circles.
const MAX_FILES = 64;

type Told = { path?: string; mirrors: boolean; version: number };

/** Reads a configuration and what it imports, later files over earlier ones as containerd does. */
export async function readConfigPath(files: NodeFiles, configFile: string): Promise<ConfigPath> {
  if (!(await files.exists(configFile))) return { kind: "no-file" };
  const told: Told = { mirrors: false, version: 1 };
  const seen = new Set<string>();
  const queue = [configFile];
  for (let file = queue.shift(); file !== undefined && seen.size < MAX_FILES; file = queue.shift()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = await files.text(file);
    if (text === undefined) return { kind: "broken", file, problem: "it cannot be read as text" };
    try {
      const table = parse(text);
      take(told, table);
      queue.push(...(await importsOf(files, file, table)));
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      return { kind: "broken", file, problem: `it is no TOML: line ${String(error.line)}, column ${String(error.column)}` };
    }
  }
  if (told.path !== undefined && told.path !== "") return { kind: "set", path: told.path, file: configFile };
  return told.mirrors ? { kind: "legacy-mirrors", file: configFile } : { kind: "unset", version: told.version, file: configFile };
}

/** What has to stand in the configuration so that containerd looks into a directory. */
export function configPathLines(version: number, directory: string): string {
  const [plugins = "", plugin = "", registry = ""] = tableOf(version);
  const name = plugin.includes(".") ? `"${plugin}"` : plugin;
  return `[${plugins}.${name}.${registry}]\n  config_path = "${directory}"\n`;
}

function take(told: Told, table: TomlTable): void {
  const version = table["version"];
  if (typeof version === "number") told.version = version;
  const registry = tableOf(told.version).reduce<unknown>((at, key) => (isTable(at) ? at[key] : undefined), table);
  if (!isTable(registry)) return;
  if (typeof registry["config_path"] === "string") told.path = registry["config_path"];
  if (isTable(registry["mirrors"]) && Object.keys(registry["mirrors"]).length > 0) told.mirrors = true;
}

function tableOf(version: number): readonly string[] {
  return REGISTRY_TABLES[Math.min(Math.max(version, 1), 3)] ?? [];
}

async function importsOf(files: NodeFiles, file: string, table: TomlTable): Promise<string[]> {
  const imports = table["imports"];
  if (!Array.isArray(imports)) return [];
  const found: string[] = [];
  for (const pattern of imports) {
    if (typeof pattern !== "string") continue;
    const path = isAbsolute(pattern) ? pattern : join(dirname(file), pattern);
    found.push(...(await matching(files, path)));
  }
  return found;
}

/** Paths for a pattern whose last part may hold `*` and `?`, as containerd's imports do. */
async function matching(files: NodeFiles, pattern: string): Promise<string[]> {
  const last = pattern.slice(pattern.lastIndexOf("/") + 1);
  if (!/[*?]/.test(last)) return (await files.exists(pattern)) ? [pattern] : [];
  const source = last
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  const grammar = new RegExp(`^${source}$`);
  return (await files.names(dirname(pattern))).filter((name) => grammar.test(name)).map((name) => join(dirname(pattern), name));
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
