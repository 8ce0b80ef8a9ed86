import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { FuzzTarget } from "../src/fuzz/fuzz-target.ts";

/** A target and the file of its corpus. */
export type FoundTarget = { readonly target: FuzzTarget; readonly corpusFile: string };

// What is kept is to be read by people who look for what broke: a corpus of long inputs says nothing.
const MAX_KEPT_BYTES = 512;

/** Every target of the workspace, `packages/<package>/fuzz/<name>.fuzz.ts`, in the order of their paths. */
export async function findTargets(root: string): Promise<FoundTarget[]> {
  const found: FoundTarget[] = [];
  for (const path of globSync("packages/*/fuzz/*.fuzz.ts", { cwd: root }).sort()) {
    const module = (await import(pathToFileURL(join(root, path)).href)) as Readonly<Record<string, unknown>>;
    const corpusFile = join(root, dirname(path), "corpus", `${basename(path, ".fuzz.ts")}.json`);
    for (const target of Object.values(module) as FuzzTarget[]) {
      found.push({ target, corpusFile: corpusFile.replace(/[^/]+\.json$/, `${target.name}.json`) });
    }
  }
  return found;
}

/** The kept inputs of a target, by how they end; one character a byte. */
export function readCorpus(file: string): Map<string, Uint8Array> {
  if (!existsSync(file)) return new Map();
  const kept = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, string>>;
  return new Map(Object.entries(kept).map(([ending, text]) => [ending, new Uint8Array(Buffer.from(text, "latin1"))]));
}

/** Writes the inputs that are short enough to be kept. */
export function writeCorpus(file: string, corpus: ReadonlyMap<string, Uint8Array>): void {
  const kept = [...corpus].filter(([, input]) => input.length <= MAX_KEPT_BYTES).toSorted(([a], [b]) => (a < b ? -1 : 1));
  mkdirSync(dirname(file), { recursive: true });
  const texts = kept.map(([ending, input]) => [ending, Buffer.from(input).toString("latin1")] as const);
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(texts), undefined, 2)}\n`);
}
