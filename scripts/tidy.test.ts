import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { lostPaths, staleDocuments } from "./tidy/documents.ts";
import { badNames, fullFolders, innerDoors, longFiles, unfinished } from "./tidy/files.ts";
import { coreDependencies, floorPlan, loosePins, readmes, unreferenced } from "./tidy/packages.ts";

const root = join(import.meta.dirname, "..");

// What each check looks for stands at the function; each message says what to do instead.
const CHECKS: readonly (readonly [string, (root: string) => string[] | Promise<string[]>])[] = [
  ["every file can be read in one go", longFiles],
  ["no folder holds more files than a reader can hold in view", fullFolders],
  ["every name says what is inside", badNames],
  ["a package has one front door", innerDoors],
  ["nothing is left for later in the source", unfinished],
  ["every package has its floor", floorPlan],
  ["a core depends on the domain and nothing else", coreDependencies],
  ["every dependency is pinned to one version", loosePins],
  ["every package's README says what it is, in the words of its package.json", readmes],
  ["tsc -b knows every package", unreferenced],
  ["every path that a document names is there", lostPaths],
  ["every generated document is what its generator writes", staleDocuments],
];

for (const [name, check] of CHECKS) {
  test(name, async () => {
    const problems = await check(root);
    if (problems.length > 0) assert.fail(problems.join("\n"));
  });
}
