import { basename, dirname, join } from "node:path";
import { withMirror, type MirrorHost } from "../hosts-toml.ts";
import type { NodeFiles } from "../node-files.ts";
import type { Change, Plan, Wish } from "../plan.ts";
import type { ContainerdLayout } from "./find-containerd.ts";

// The directory whose hosts.toml is read for every registry that has no directory of its own.
const DEFAULT = "_default";
// More registries than any node has a directory for.
const MAX_DIRECTORIES = 1000;

/** Plans what containerd is to read: the mirror first for every registry, those with a directory of their own included. */
export async function planContainerd(files: NodeFiles, layout: ContainerdLayout, wish: Wish): Promise<Plan> {
  const { directory } = layout;
  if (directory === undefined) return { changes: [], problems: [layout.problem ?? "no directory for hosts.toml was found"], hints: [] };
  const mirror: MirrorHost = { url: `http://${wish.mirror}`, resolve: wish.resolveTags };
  const changes: Change[] = [];
  const problems: string[] = [];
  const excluded = new Set(wish.exclude);
  const own = (await files.names(directory)).filter((name) => name !== DEFAULT && !name.startsWith("."));
  for (const name of [DEFAULT, ...own.slice(0, MAX_DIRECTORIES)]) {
    if (excluded.has(name)) continue;
    const path = join(directory, name, "hosts.toml");
    const change = await fileChange(files, path, mirror, name === DEFAULT);
    if (typeof change === "string") problems.push(`${path}: ${change}; until then this registry is pulled as before`);
    else if (change !== undefined) changes.push(change);
  }
  for (const registry of wish.exclude) changes.push(...(await exclusion(files, directory, registry)));
  return { changes: [...changes, ...(await linkFor(files, layout))], problems, hints: hintsFor(own.length) };
}

async function fileChange(files: NodeFiles, path: string, mirror: MirrorHost, create: boolean): Promise<Change | string | undefined> {
  const before = await files.text(path);
  if (before === undefined) {
    if (await files.exists(path)) return "it cannot be read as text: mend it, or take it away";
    // A directory without hosts.toml holds certificates in docker's form: containerd then asks that registry alone, and so it stays.
    if (!create) return undefined;
  }
  const edited = withMirror(before, mirror);
  if (!edited.ok) return edited.problem;
  return edited.text === before ? undefined : { kind: "file", path, before, after: edited.text };
}

/** A registry that is never asked through the mirror gets a directory of its own, which goes before the default. */
async function exclusion(files: NodeFiles, directory: string, registry: string): Promise<Change[]> {
  const path = join(directory, registry, "hosts.toml");
  if (await files.exists(path)) return [];
  const server = registry === "docker.io" ? "registry-1.docker.io" : registry;
  const after = `# managed by darner: this registry is not asked through the mirror\nserver = "https://${server}"\n`;
  return [{ kind: "file", path, before: undefined, after }];
}

async function linkFor(files: NodeFiles, { directory, list }: ContainerdLayout): Promise<Change[]> {
  if (list === undefined || directory === undefined) return [];
  // A link counts although it leads nowhere from here.
  if ((await files.names(dirname(list))).includes(basename(list))) return [];
  // The literal text of the list as one path: `/a/certs.d:/b/certs.d` is the entry `certs.d` of the directory `/a/certs.d:/b`.
  return dirname(list) === "/" ? [] : [{ kind: "link", path: list, target: directory }];
}

function hintsFor(directories: number): string[] {
  const also = directories === 0 ? "" : ", those with a directory of their own included";
  return [`containerd reads this at the next pull, for every registry${also}; nothing has to be restarted`];
}
