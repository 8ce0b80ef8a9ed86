import { basename, dirname } from "node:path";
import { isSource, read, writtenFiles } from "./workspace.ts";

const MAX_LINES = 400;
// A reader holds about a dozen names in view, with some room; tests stand beside what they test and do not count.
const MAX_FILES_IN_FOLDER = 20;
// Names that say nothing of what is inside, and so collect everything.
const EMPTY_NAME = /^(utils?|common|helpers?|managers?|services?|misc|shared|stuff|lib)$/;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*\.(ts|mjs|js|proto|sh)$/;
// Put together, so that this file does not find itself.
const UNFINISHED = new RegExp(`\\b(${["TO", "FIX"].map((start) => start + (start === "TO" ? "DO" : "ME")).join("|")})\\b`);

/** Files that are too long to be read in one go. */
export function longFiles(root: string): string[] {
  return sources(root).flatMap((path) => {
    const lines = read(root, path).split("\n").length - 1;
    return lines > MAX_LINES
      ? [`${path}: ${String(lines)} lines; more than ${String(MAX_LINES)} are two subjects: split it where they part`]
      : [];
  });
}

/** Folders with too many files to see what belongs to what. */
export function fullFolders(root: string): string[] {
  const counts = new Map<string, number>();
  for (const path of sources(root))
    if (!/\.(test|conformance)\./.test(path)) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  return [...counts]
    .filter(([folder, count]) => count > MAX_FILES_IN_FOLDER && folder !== ".")
    .map(
      ([folder, count]) =>
        `${folder}: ${String(count)} files; give what belongs together a folder of its own (at most ${String(MAX_FILES_IN_FOLDER)})`,
    );
}

/** Files and folders whose name does not say what is inside. */
export function badNames(root: string): string[] {
  return sources(root).flatMap((path) => {
    const empty = path.split("/").find((part) => EMPTY_NAME.test(part.split(".")[0] ?? ""));
    if (empty !== undefined) return [`${path}: "${empty}" says nothing; name it after what it holds`];
    const isNamed = KEBAB_CASE.test(basename(path)) || basename(path).startsWith(".") || path.startsWith(".ci/");
    return isNamed ? [] : [`${path}: write file names in kebab-case`];
  });
}

/** Front doors inside a package: they make import cycles, and a second way to everything. */
export function innerDoors(root: string): string[] {
  return sources(root)
    .filter((path) => basename(path) === "index.ts" && !/^packages\/[^/]+\/src\/index\.ts$/.test(path))
    .map((path) => `${path}: only packages/<name>/src/index.ts is a front door; import the files themselves`);
}

/** Marks of work left for later: it belongs into an issue, where it is seen. */
export function unfinished(root: string): string[] {
  return sources(root).flatMap((path) =>
    read(root, path)
      .split("\n")
      .flatMap((line, index) => (UNFINISHED.test(line) ? [`${path}:${String(index + 1)}: do it, or write an issue`] : [])),
  );
}

function sources(root: string): string[] {
  return writtenFiles(root).filter(isSource);
}
