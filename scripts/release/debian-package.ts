import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { COMMANDS } from "../../packages/cli/src/commands.ts";
import type { Arch } from "../bundle/native-addons.ts";
import { Folder } from "./folder.ts";
import { manPage } from "./man-page.ts";

/** What a Debian package is made of. */
export type DebianPlan = {
  readonly root: string;
  /** The folder that `npm run build` made, with the addons of this kind of machine. */
  readonly bundle: string;
  /** The program `node` of this kind of machine. */
  readonly node: string;
  readonly arch: Arch;
  readonly version: string;
  /** The time that everything in it has, in seconds since 1970. */
  readonly epoch: number;
  /** An empty folder for what is made on the way. */
  readonly work: string;
  /** Where the package is written to. */
  readonly out: string;
  /** How hard to squeeze: xz for people, none where it is unpacked at once. */
  readonly compression: "xz" | "none";
};

/** How Debian calls the machines. */
export const DEBIAN_ARCH: Readonly<Record<Arch, string>> = { x64: "amd64", arm64: "arm64" };

const UNITS = ["darner-daemon.service", "darner-scheduler.service", "darner-node-setup.service"];
const SCRIPTS = ["postinst", "prerm", "postrm"];
const CONFFILES = ["/etc/darner/darner.yaml", "/etc/default/darner"];
// The program `node` is linked against these; 2.28 is the oldest glibc that it starts with.
const DEPENDS = "libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 8), passwd";

/** Makes the package `darner`, without network: what runs, its Node, units, configuration and manual. Gives the path of the .deb. */
export function buildDebianPackage(plan: DebianPlan): string {
  const tree = new Folder(plan.work);
  layProgram(tree, plan);
  layConfiguration(tree, plan.root);
  layDocuments(tree, plan);
  layControl(tree, plan);
  tree.settle(plan.epoch);
  const file = join(plan.out, `darner_${plan.version}_${DEBIAN_ARCH[plan.arch]}.deb`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(plan.epoch) };
  execFileSync("dpkg-deb", ["--root-owner-group", `-Z${plan.compression}`, "--build", tree.path, file], {
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return file;
}

function layProgram(tree: Folder, { root, bundle, node }: DebianPlan): void {
  // Signal 1 would open a debugger's port.
  tree.bundle(bundle, "usr/lib/darner", "/usr/lib/darner/node --disable-sigusr1");
  tree.copy(node, "usr/lib/darner/node", 0o755);
  tree.link("usr/bin/darner", "../lib/darner/main.js");
  for (const unit of UNITS) tree.copy(join(root, "deploy/systemd", unit), `usr/lib/systemd/system/${unit}`, 0o644);
  tree.copy(join(root, "deploy/debian/sysusers.conf"), "usr/lib/sysusers.d/darner.conf", 0o644);
}

function layConfiguration(tree: Folder, root: string): void {
  tree.copy(join(root, "deploy/debian/darner.yaml"), "etc/darner/darner.yaml", 0o644);
  tree.copy(join(root, "deploy/debian/default"), "etc/default/darner", 0o644);
}

function layDocuments(tree: Folder, plan: DebianPlan): void {
  const doc = "usr/share/doc/darner";
  const date = new Date(plan.epoch * 1000);
  tree.write(`${doc}/copyright`, copyright(date));
  tree.copy(join(plan.root, "deploy/licences/node-24.21.0.txt"), `${doc}/LICENSE.node`, 0o644);
  tree.copy(join(plan.bundle, "THIRD-PARTY.txt"), `${doc}/THIRD-PARTY.txt`, 0o644);
  tree.copy(join(plan.root, "deploy/debian/lintian-overrides"), "usr/share/lintian/overrides/darner", 0o644);
  for (const name of ["config.md", "metrics.md"]) tree.copy(join(plan.root, "docs", name), `${doc}/${name}`, 0o644);
  const changes = `darner (${plan.version}) unstable; urgency=medium\n\n  * See the repository.\n\n -- Darner's authors <maintainers@darner.dev>  ${rfc5322(date)}\n`;
  tree.write(`${doc}/changelog.gz`, squeezed(changes));
  tree.write("usr/share/man/man1/darner.1.gz", squeezed(manPage(COMMANDS, plan.version, date)));
}

function layControl(tree: Folder, plan: DebianPlan): void {
  const installed = Math.ceil(bytesIn(tree.path) / 1024);
  tree.write("DEBIAN/control", controlOf(plan, installed));
  tree.write("DEBIAN/conffiles", `${CONFFILES.join("\n")}\n`);
  for (const script of SCRIPTS) tree.copy(join(plan.root, "deploy/debian", script), `DEBIAN/${script}`, 0o755);
}

function controlOf({ version, arch }: DebianPlan, installedKiB: number): string {
  return `Package: darner
Version: ${version}
Architecture: ${DEBIAN_ARCH[arch]}
Maintainer: Darner's authors <maintainers@darner.dev>
Installed-Size: ${String(installedKiB)}
Depends: ${DEPENDS}
Suggests: containerd
Section: admin
Priority: optional
Description: container images inside a cluster, peer to peer
 A daemon on every node is the registry mirror of that node's container
 runtime; a scheduler tells the daemons which part of a layer each of them
 reads from the registry and who takes what from whom. The bytes of a cold
 image leave the registry once, however many nodes pull it at the same time.
`;
}

/** Whose work is in it, and where the texts of their licences lie. */
function copyright(date: Date): string {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: darner
Comment: The texts of what is shipped with Darner lie beside this file: of Node.js
 in LICENSE.node, of every package in the bundle in THIRD-PARTY.txt.

Files: *
Copyright: ${String(date.getUTCFullYear())} Darner's authors
License: Apache-2.0
 On Debian systems the text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.

Files: usr/lib/darner/node
Copyright: Node.js contributors
License: node
 See /usr/share/doc/darner/LICENSE.node.
`;
}

/** Squeezed without the time, which would make each file another one. */
function squeezed(text: string): Buffer {
  return gzipSync(text, { level: 9 });
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** As `date -R` writes it. */
function rfc5322(date: Date): string {
  return date.toUTCString().replace("GMT", "+0000");
}
