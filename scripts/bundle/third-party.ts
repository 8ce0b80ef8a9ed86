import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";

/** A package of npm of which something is in a bundle. */
export type BundledPackage = {
  readonly name: string;
  readonly version: string;
  /** As its package.json says it (SPDX). */
  readonly license: string;
  /** The text of its licence file; undefined where it ships none. */
  readonly text: string | undefined;
};

const PACKAGE_FOLDER = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const LICENSE_FILE = /^(?:licen[cs]e|copying)(?:[.-].*)?$/i;

/** The packages of which something is in the bundle, by name. */
export function bundledPackages(root: string, metafile: Metafile): readonly BundledPackage[] {
  const folders = new Set<string>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const input of Object.keys(inputs)) {
      const folder = PACKAGE_FOLDER.exec(input)?.[0];
      if (folder !== undefined) folders.add(folder);
    }
  }
  // npm may have put the same version into several folders.
  const byId = new Map([...folders].map((folder) => readPackage(join(root, folder))).map((each) => [idOf(each), each]));
  return [...byId.values()].sort((one, other) => (idOf(one) < idOf(other) ? -1 : 1));
}

/** All their licences in one text: each with its packages, as the licences ask of whoever passes them on. */
export function thirdPartyText(packages: readonly BundledPackage[]): string {
  const byText = Map.groupBy(packages, ({ text, license }) => text ?? `${license}\n(the package ships no text of its licence)`);
  return [...byText].map(([text, same]) => `${same.map(idOf).join(", ")}\n${"-".repeat(80)}\n${text.trim()}\n`).join("\n\n");
}

function idOf({ name, version }: BundledPackage): string {
  return `${name}@${version}`;
}

function readPackage(folder: string): BundledPackage {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Partial<Record<string, string>>;
  if (name === undefined || version === undefined || license === undefined) {
    throw new Error(`${folder}/package.json: a package in the bundle has a name, a version and a licence`);
  }
  const file = readdirSync(folder).find((each) => LICENSE_FILE.test(each));
  const text = file === undefined ? undefined : readFileSync(join(folder, file), "utf8");
  return { name, version, license, text };
}
