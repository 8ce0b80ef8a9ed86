import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { billOfMaterials } from "./bill-of-materials.ts";

const ROOT = join(import.meta.dirname, "..", "..");

type Bill = {
  readonly bomFormat: string;
  readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[];
};

test("the bill of materials names every package of a release with its exact version, and says the same every time", () => {
  const text = billOfMaterials(ROOT);
  const { bomFormat, components } = JSON.parse(text) as Bill;
  assert.equal(bomFormat, "CycloneDX");
  const packages = new Set(components.map(({ purl }) => purl.replace("%40", "@")));
  for (const workspace of ["daemon", "scheduler", "runtime"]) {
    const file = join(ROOT, "packages", workspace, "package.json");
    const { dependencies } = JSON.parse(readFileSync(file, "utf8")) as { readonly dependencies: Readonly<Record<string, string>> };
    for (const [name, version] of Object.entries(dependencies)) assert.ok(packages.has(`pkg:npm/${name}@${version}`), name);
  }
  assert.ok(![...packages].some((purl) => purl.startsWith("pkg:npm/eslint@")), "what only builds and checks it is none of it");
  assert.doesNotMatch(text, /serialNumber|timestamp/);
});
