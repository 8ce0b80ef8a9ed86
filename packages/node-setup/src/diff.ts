import { createTwoFilesPatch } from "diff";
import type { Change } from "./plan.ts";

/** Changes as people read them: a unified diff for each file, a line for each link. */
export function diffOf(changes: readonly Change[]): string {
  return changes.map((change) => (change.kind === "link" ? `link ${change.path} -> ${change.target}\n` : fileDiff(change))).join("");
}

function fileDiff({ path, before, after }: Extract<Change, { kind: "file" }>): string {
  const patch = createTwoFilesPatch(before === undefined ? "/dev/null" : path, path, before ?? "", after, "", "", { context: 2 });
  // The lines that the library begins with belong to an older format.
  return patch.replace(/^(?:Index: .*\n)?=+\n/, "").replace(/\t$/gm, "");
}
