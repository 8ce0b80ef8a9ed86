import { readFileSync } from "node:fs";
import { isCollection, isMap as isYamlMap, isNode, isScalar, LineCounter, parseDocument, visit } from "yaml";
import type { Document } from "yaml";
import type { RawConfig } from "./config.ts";
import { isMap } from "./config-tree.ts";

/** One thing wrong with a configuration. */
export type ConfigProblem = {
  /** The key's path, else the name of the file or variable that is wrong as a whole. */
  readonly path: string;
  /** What is wrong and what is accepted. */
  readonly problem: string;
  /** Where it was written: `file:line:column`, the variable or the flag. */
  readonly from?: string;
};

/** A configuration file as it was written. */
export type ConfigFile = {
  readonly tree: RawConfig;
  /** `file:line:column` of the key at `path`, or of the innermost map around it that was written. */
  readonly placeOf: (path: readonly PropertyKey[]) => string;
};

// The design's own example is a page; an alias bomb or a wrong file (an image, a log) must not fill the memory.
const MAX_FILE_BYTES = 1_048_576;

// Deeper than any configuration; the parser's time grows with the square of the depth.
const TOO_DEEP = /(?:[-?][ \t]+){32}|(?:[[{]\s*){32}/;

/** Reads a YAML file; what is wrong with it as a whole are problems. */
export function readConfigFile(file: string): ConfigFile | ConfigProblem[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return [{ path: file, problem: `cannot be read: ${unreadable(error)}` }];
  }
  if (text.length > MAX_FILE_BYTES)
    return [{ path: file, problem: `is larger than ${String(MAX_FILE_BYTES)} bytes: is it the right file?` }];
  return parseConfigText(text, file);
}

/** Reads YAML text; `file` is its name for people. */
export function parseConfigText(text: string, file: string): ConfigFile | ConfigProblem[] {
  const lines = new LineCounter();
  const document = TOO_DEEP.test(text) ? undefined : documentOf(text, lines);
  if (document === undefined) return [{ path: file, problem: "is nested too deeply: is it the right file?" }];
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${String(line)}:${String(col)}`;
  };
  if (document.errors.length > 0) {
    return document.errors.map((error) => ({ path: file, problem: `is not YAML: ${error.message}`, from: place(error.pos[0]) }));
  }
  const tree = contentOf(document);
  if (typeof tree === "string") return [{ path: file, problem: tree }];
  return { tree, placeOf: (path) => place(offsetOf(document, path)) };
}

/** Undefined where the text is nested deeper than the parser can follow. */
function documentOf(text: string, lines: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function contentOf(document: Document.Parsed): RawConfig | string {
  try {
    // Such keys would be written out as texts, maps in maps in maps, again and again: minutes for a kilobyte.
    if (hasMapAsKey(document)) return "has a map or a list in the place of a key (a line that begins with ?, or a bracket too many)";
    const content: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
    return isMap(content) ? content : "must be a map of keys, as in\nstore:\n  maxBytes: 100GiB";
  } catch (error) {
    return `is not usable YAML: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function hasMapAsKey(document: Document.Parsed): boolean {
  let found = false;
  visit(document, {
    Pair: (_place, { key }) => {
      found ||= isCollection(key);
      return found ? visit.BREAK : undefined;
    },
  });
  return found;
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const offset = keyOffset(document, path.slice(0, length)) ?? itemOffset(document, path.slice(0, length));
    if (offset !== undefined) return offset;
  }
  return document.contents?.range[0] ?? 0;
}

function keyOffset(document: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isYamlMap(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(path.at(-1)));
  return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
}

function itemOffset(document: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  const item: unknown = document.getIn(path, true);
  return isNode(item) ? item.range?.[0] : undefined;
}

function unreadable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case "ENOENT":
      return "there is no such file";
    case "EACCES":
    case "EPERM":
      return "this user may not read it";
    case "EISDIR":
      return "it is a directory";
    case undefined:
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
