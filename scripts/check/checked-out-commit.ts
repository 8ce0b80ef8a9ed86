import { execFileSync } from "node:child_process";

/** The commit of this work tree that a report was taken at, in 7 or more hexadecimal digits; `unknown` where the files came without their history. */
export function checkedOutCommit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: import.meta.dirname, encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    return "unknown";
  }
}
