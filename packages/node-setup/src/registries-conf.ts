import { join } from "node:path";
import { parse, stringify, TomlError } from "smol-toml";
import type { NodeFiles } from "./node-files.ts";
import type { Plan, Wish } from "./plan.ts";

const MAIN = "/etc/containers/registries.conf";
const DROP_INS = "/etc/containers/registries.conf.d";
// After the distributions' own drop-ins (000- to 010-): of two files that speak of one prefix the later one holds.
const OURS = "900-darner.conf";
const HEADER = "# managed by darner, taken away again when it stops\n";

type Registry = Record<string, unknown>;

/**
 * Plans what podman and CRI-O are to read. They name no registry in their requests, so that it stands in the mirror's path; they know no
 * mirror for all registries, so that each is named. What others say of the same prefix is kept: a later file replaces a whole entry.
 */
export async function planRegistriesConf(files: NodeFiles, wish: Wish, runtime: "crio" | "podman"): Promise<Plan> {
  const existing = new Map<string, Registry>();
  const problems: string[] = [];
  const dropIns = (await files.names(DROP_INS)).filter((name) => name.endsWith(".conf") && name !== OURS);
  for (const path of [MAIN, ...dropIns.map((name) => join(DROP_INS, name))]) {
    const problem = await collect(files, path, existing);
    if (problem !== undefined) problems.push(`${path}: ${problem}`);
  }
  if (problems.length > 0) return { changes: [], problems, hints: [] };
  const names = wish.registries.filter((name) => !wish.exclude.includes(name));
  const prefixes = new Set([...names, ...[...existing.keys()].filter((prefix) => isMirrorable(prefix) && !wish.exclude.includes(prefix))]);
  const entries = [...prefixes].map((prefix) => entryFor(prefix, existing.get(prefix), wish));
  const after = HEADER + stringify({ registry: entries });
  const path = join(DROP_INS, OURS);
  const before = await files.text(path);
  return { changes: before === after ? [] : [{ kind: "file", path, before, after }], problems, hints: [hintFor(runtime)] };
}

function entryFor(prefix: string, existing: Registry | undefined, { mirror, resolveTags }: Wish): Registry {
  const ours = { location: `${mirror}/${inPath(prefix)}`, insecure: true, ...(!resolveTags && { "pull-from-mirror": "digest-only" }) };
  const others = Array.isArray(existing?.["mirror"]) ? (existing["mirror"] as unknown[]) : [];
  return { location: prefix, ...existing, prefix, mirror: [ours, ...others] };
}

/** A registry as it stands in a path, where no colon may be. */
function inPath(registry: string): string {
  return registry.replace(/:(\d+)/, "_$1");
}

/** Entries for whole registries: one for a repository has its own location, and one with a star has none that could be named. */
function isMirrorable(prefix: string): boolean {
  return /^[a-z0-9.-]+(:\d+)?$/.test(prefix);
}

async function collect(files: NodeFiles, path: string, into: Map<string, Registry>): Promise<string | undefined> {
  const text = await files.text(path);
  if (text === undefined) return (await files.exists(path)) ? "it cannot be read as text: mend it, or take it away" : undefined;
  try {
    const table = parse(text);
    if ("registries" in table) return "it is in the old form ([registries.search]), which cannot name mirrors: write it in the new one";
    const list = Array.isArray(table["registry"]) ? (table["registry"] as unknown[]) : [];
    for (const entry of list) {
      if (typeof entry !== "object" || entry === null) continue;
      const registry = entry as Registry;
      const prefix = registry["prefix"] ?? registry["location"];
      if (typeof prefix === "string") into.set(prefix, registry);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return `it is no TOML: line ${String(error.line)}, column ${String(error.column)}: mend it`;
  }
}

function hintFor(runtime: "crio" | "podman"): string {
  return runtime === "podman"
    ? "podman reads this at the next pull"
    : "CRI-O reads this after a reload (systemctl reload crio), from 1.31 on by itself where auto_reload_registries is set";
}
