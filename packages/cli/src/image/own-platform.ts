import { hostPlatform } from "@darner/domain";

/** The platform of this machine's containers, in OCI's words: Linux, wherever the command itself runs. */
export function ownPlatform(): string {
  return hostPlatform({ platform: "linux", arch: process.arch, config: process.config });
}
