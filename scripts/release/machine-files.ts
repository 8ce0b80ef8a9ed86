import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { THIS_ARCH, type Arch } from "../bundle/native-addons.ts";

/** What is different for each kind of machine: the program `node` and the folder with the native addons. */
export type MachineFiles = { readonly node: string; readonly nodeModules: string };

type Lock = { readonly packages: Readonly<Record<string, { readonly version: string }>> };

/** Those of this machine from the checkout; those of the other kind are fetched by npm, in the same versions. */
export function machineFiles({ root, work }: { readonly root: string; readonly work: string }, arch: Arch): MachineFiles {
  const nodeModules = join(root, "node_modules");
  if (arch === THIS_ARCH) return { node: join(nodeModules, "node/bin/node"), nodeModules };
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock;
  const versionOf = (name: string): string => packages[`node_modules/${name}`]?.version ?? "";
  const prefix = join(work, `machine-${arch}`);
  const machine = ["--os=linux", `--cpu=${arch}`, "--libc=glibc"];
  // Forced: npm installs what is for another machine only so.
  const quiet = ["--force", "--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--prefer-offline"];
  const wanted = [
    `@napi-rs/blake-hash-linux-${arch}-gnu@${versionOf("@napi-rs/blake-hash")}`,
    `classic-level@${versionOf("classic-level")}`,
  ];
  execFileSync("npm", ["install", "--prefix", prefix, ...machine, ...quiet, ...wanted, `node-linux-${arch}@${versionOf("node")}`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return { node: join(prefix, `node_modules/node-linux-${arch}/bin/node`), nodeModules: join(prefix, "node_modules") };
}
