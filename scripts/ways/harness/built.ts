import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";

/** The checkout. */
export const ROOT = join(import.meta.dirname, "../../..");

/** The folder of the bundle that `npm run test:ways` built. */
export function builtBundle(): string {
  const main = process.env["DARNER_E2E_BUNDLE"];
  if (main === undefined) throw new Error("run this by npm run test:ways, which builds the bundle first");
  return dirname(main);
}

/** Everything in a folder, by its path there: kind, mode and content, to compare two folders to the last byte. */
export function contentsOf(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(paths.map((path) => [path, describe(join(folder, path))]));
}

function describe(path: string): string {
  const stat = lstatSync(path);
  const mode = (stat.mode & 0o7777).toString(8);
  if (stat.isDirectory()) return `folder ${mode}`;
  if (stat.isSymbolicLink()) return `link to ${readlinkSync(path)}`;
  return `file ${mode} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
}
