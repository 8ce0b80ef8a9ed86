import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NAME = "SHA256SUMS";

/** Writes SHA256SUMS of every file in a folder, as sha256sum -c reads it, and gives its text. */
export function writeChecksums(folder: string): string {
  const names = readdirSync(folder)
    .filter((name) => name !== NAME)
    .sort();
  const lines = names.map(
    (name) =>
      `${createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex")}  ${name}\n`,
  );
  writeFileSync(join(folder, NAME), lines.join(""));
  return lines.join("");
}
