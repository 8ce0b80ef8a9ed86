import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

// The program `node` is the most of it, with 126 MB.
const MAX_BYTES = 512 * 1024 * 1024;

/** What makes a tar the same tomorrow. */
export type PackPlan = {
  /** The time of everything in it, in seconds since 1970. */
  readonly epoch: number;
  /** How hard to squeeze, 1 to 9; 0: a plain tar. */
  readonly level: number;
  /** Who owns what is in it; root by default. */
  readonly owner?: number;
};

/** A folder as a tar that says nothing of when, by whom and in which order it was made. */
export function tarOf(folder: string, { epoch, owner = 0 }: Pick<PackPlan, "epoch" | "owner">): Buffer {
  const order = ["--sort=name", "--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"];
  const same = [`--mtime=@${String(epoch)}`, "--numeric-owner", `--owner=${String(owner)}`, `--group=${String(owner)}`];
  return execFileSync("tar", ["--create", ...order, ...same, "--directory", folder, "."], { maxBuffer: MAX_BYTES });
}

/** Packs what is in a folder into a file, and gives its path. */
export function packFolder(folder: string, file: string, plan: PackPlan): string {
  const tar = tarOf(folder, plan);
  writeFileSync(file, plan.level === 0 ? tar : gzipSync(tar, { level: plan.level }));
  return file;
}
