import assert from "node:assert/strict";
import { test } from "node:test";
import { GOOD_CODE } from "../gates/good-code.ts";
import { openTinyWorkspace, type Files } from "../gates/workspace.ts";
import { lostPaths, staleDocuments } from "./documents.ts";
import { badNames, fullFolders, innerDoors, longFiles, unfinished } from "./files.ts";
import { coreDependencies, floorPlan, loosePins, readmes, unreferenced } from "./packages.ts";

type Check = (root: string) => string[] | Promise<string[]>;
type Planted = { readonly what: string; readonly check: Check; readonly files: Files; readonly says: RegExp };

const README =
  "# @darner/domain\n\nThe words of Darner and their arithmetic: digests, pieces, ranges, hosts. Pure.\n\n## What it is not\n\n## Read first\n\n## How to change it\n";
const CORE = { name: "@darner/peer-core", dependencies: { "@darner/domain": "*", level: "*" } };
const GENERATOR = `process.exitCode = process.argv[2] === "--check" ? 1 : 0;\n`;

const PLANTED: readonly Planted[] = [
  {
    what: "a protocol file of 401 lines",
    check: longFiles,
    files: { "proto/long.proto": "// x\n".repeat(401) },
    says: /proto\/long\.proto: 401 lines/,
  },
  { what: "a folder of 21 files", check: fullFolders, files: manyFiles(21), says: /packages\/mirror\/src\/many: 21 files/ },
  {
    what: "a file named utils",
    check: badNames,
    files: { "packages/domain/src/utils.ts": "" },
    says: /utils\.ts: "utils\.ts" says nothing/,
  },
  { what: "a folder named common", check: badNames, files: { "packages/domain/src/common/word.ts": "" }, says: /"common" says nothing/ },
  { what: "a name in camel case", check: badNames, files: { "packages/domain/src/pieceSet.ts": "" }, says: /pieceSet\.ts: .*kebab-case/ },
  { what: "an inner index.ts", check: innerDoors, files: { "packages/domain/src/inner/index.ts": "" }, says: /inner\/index\.ts: only/ },
  {
    what: "work left for later",
    check: unfinished,
    files: { "packages/domain/src/later.ts": ["// TO", "DO: write\n"].join("") },
    says: /later\.ts:1/,
  },
  {
    what: "a package without a floor",
    check: floorPlan,
    files: { "packages/attic/package.json": "{}" },
    says: /packages\/attic: give it a floor/,
  },
  {
    what: "a core with a dependency",
    check: coreDependencies,
    files: { "packages/peer-core/package.json": JSON.stringify(CORE) },
    says: /peer-core.*not on level/,
  },
  {
    what: "a dependency of any version",
    check: loosePins,
    files: { "packages/peer-core/package.json": JSON.stringify({ name: "@darner/peer-core", dependencies: { level: "^1.0.0" } }) },
    says: /package-lock\.json: commit it[^]*peer-core\/package\.json: pin level/,
  },
  { what: "a README that is missing", check: readmes, files: {}, says: /packages\/mirror\/README\.md: write one/ },
  {
    what: "a README with another title",
    check: readmes,
    files: { "packages/domain/README.md": README.replace("# @darner/", "# ") },
    says: /domain\/README\.md: the first line/,
  },
  {
    what: "a README with other words than package.json",
    check: readmes,
    files: { "packages/domain/README.md": README.replace("words", "verbs") },
    says: /domain\/README\.md: the first paragraph/,
  },
  {
    what: "a README of 41 lines",
    check: readmes,
    files: { "packages/domain/README.md": `${README}${"\nx".repeat(33)}` },
    says: /domain\/README\.md: 4\d lines/,
  },
  {
    what: "a README without a part",
    check: readmes,
    files: { "packages/domain/README.md": README.replace("## Read first", "") },
    says: /domain\/README\.md: say "Read first"/,
  },
  {
    what: "a package that tsc -b does not know",
    check: unreferenced,
    files: { "packages/attic/package.json": "{}" },
    says: /"path": "packages\/attic"/,
  },
  {
    what: "a document that names a file that is gone",
    check: lostPaths,
    files: { "docs/map.md": "See `packages/domain/src/gone.ts`." },
    says: /docs\/map\.md: there is no packages\/domain\/src\/gone\.ts/,
  },
  {
    what: "a document with a link that leads nowhere",
    check: lostPaths,
    files: { "docs/map.md": "[see](adr/gone.md#part)" },
    says: /there is no docs\/adr\/gone\.md/,
  },
  {
    what: "a generated document that is stale",
    check: staleDocuments,
    files: { "scripts/generate-nothing.ts": GENERATOR },
    says: /generate-nothing\.ts: run it/,
  },
];

for (const { what, check, files, says } of PLANTED) {
  test(`tidy sees ${what}`, async () => {
    using workspace = openTinyWorkspace({ ...GOOD_CODE, ...files });
    assert.match((await Promise.resolve(check(workspace.root))).join("\n"), says);
  });
}

test("tidy lets good code pass", async () => {
  using workspace = openTinyWorkspace({
    ...GOOD_CODE,
    "packages/domain/README.md": README,
    "docs/map.md": "See `packages/domain/src/double.ts`, [the guide](guide.md#part) and [the web](https://example.org/x).",
    "docs/guide.md": "Any `packages/*/src` will do.",
    "scripts/generate-nothing.ts": GENERATOR.replace("1", "0"),
  });
  const checks: readonly Check[] = [
    longFiles,
    fullFolders,
    badNames,
    innerDoors,
    unfinished,
    floorPlan,
    coreDependencies,
    unreferenced,
    lostPaths,
    staleDocuments,
  ];
  for (const check of checks) assert.deepEqual(await Promise.resolve(check(workspace.root)), [], check.name);
  assert.equal(
    readmes(workspace.root).find((problem) => problem.includes("domain")),
    undefined,
  );
});

function manyFiles(count: number): Files {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`packages/mirror/src/many/file-${String(index)}.ts`, ""]));
}
