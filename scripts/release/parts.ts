import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { billOfMaterials } from "../bundle/bill-of-materials.ts";
import { bundle, PATH_INTERPRETER, versionOf } from "../bundle/bundle.ts";
import { THIS_ARCH, type Arch } from "../bundle/native-addons.ts";
import { packChart, renderManifests } from "./chart.ts";
import { buildDebianPackage, DEBIAN_ARCH } from "./debian-package.ts";
import { Folder } from "./folder.ts";
import { machineFiles } from "./machine-files.ts";
import { replayDockerfile } from "./replay-dockerfile.ts";
import { packFolder } from "./tar.ts";

/** What a release is made of: `tarball` with Node and the unit files, `deb`, `image`, `chart`, plain `manifests`, `sbom`. */
export const PARTS = ["tarball", "deb", "image", "chart", "manifests", "sbom"] as const;
/** One of them. */
export type PartName = (typeof PARTS)[number];

/** What a release is made with. */
export type ReleasePlan = {
  readonly root: string;
  /** An empty folder for what is made on the way. */
  readonly work: string;
  readonly out: string;
  readonly epoch: number;
  readonly revision: string;
  /** For which machines; the image is made for this kind only. */
  readonly archs: readonly Arch[];
  /** Does not squeeze much: to try it. */
  readonly isQuick: boolean;
};

// What a tarball starts: the Node beside it.
const LAUNCHER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/node" --disable-sigusr1 "$here/../lib/main.js" "$@"
`;

/** Makes the parts that are asked for and tells of each; the chart, the manifests and the other kind of machine need what npm or the PATH has. */
export async function* makeParts(names: readonly PartName[], plan: ReleasePlan): AsyncGenerator<string> {
  const wants = (name: PartName): boolean => names.includes(name);
  for (const arch of wants("tarball") || wants("deb") || wants("image") ? plan.archs : []) {
    const files = machineFiles(plan, arch);
    const out = join(plan.work, `bundle-${arch}`);
    await bundle({ root: plan.root, out, archs: [arch], interpreter: PATH_INTERPRETER, nodeModules: files.nodeModules });
    if (wants("tarball")) yield makeTarball(plan, arch, out, files.node);
    if (wants("deb")) yield makeDeb(plan, arch, out, files.node);
    if (wants("image") && arch === THIS_ARCH) yield* makeImage(plan, out, files.node);
  }
  if (wants("sbom")) yield makeSbom(plan);
  if (wants("chart")) yield packChart(plan);
  if (wants("manifests")) yield renderManifests(plan);
}

function makeTarball(plan: ReleasePlan, arch: Arch, bundled: string, node: string): string {
  const { root, epoch } = plan;
  const version = versionOf(root);
  const name = `darner-${version}-linux-${DEBIAN_ARCH[arch]}`;
  const tree = new Folder(join(plan.work, name));
  tree.bundle(bundled, `${name}/lib`, PATH_INTERPRETER);
  tree.copy(node, `${name}/bin/node`, 0o755);
  tree.write(`${name}/bin/darner`, LAUNCHER, 0o755);
  tree.copy(join(root, "LICENSE"), `${name}/LICENSE`, 0o644);
  tree.copy(join(root, "deploy/licences/node-24.21.0.txt"), `${name}/LICENSE.node`, 0o644);
  for (const folder of ["systemd", "compose", "quadlet"]) tree.tree(join(root, "deploy", folder), `${name}/deploy/${folder}`);
  tree.settle(epoch);
  return packFolder(tree.path, join(plan.out, `${name}.tar.gz`), { epoch, level: plan.isQuick ? 1 : 9 });
}

function makeDeb(plan: ReleasePlan, arch: Arch, bundled: string, node: string): string {
  const work = join(plan.work, `deb-${arch}`);
  const compression = plan.isQuick ? "none" : "xz";
  return buildDebianPackage({
    root: plan.root,
    bundle: bundled,
    node,
    arch,
    version: versionOf(plan.root),
    epoch: plan.epoch,
    work,
    out: plan.out,
    compression,
  });
}

/** Without an engine, from the replayed Dockerfile; with one, `docker buildx build` makes it for both kinds of machines (deploy/Dockerfile says how). */
function* makeImage(plan: ReleasePlan, bundled: string, node: string): Generator<string> {
  const { root, epoch, revision, isQuick } = plan;
  const version = versionOf(root);
  const layout = join(plan.work, "image");
  const compression = isQuick ? "none" : "gzip";
  const { digest } = replayDockerfile({
    root,
    bundle: bundled,
    node,
    version,
    revision,
    epoch,
    work: join(plan.work, "image-work"),
    layout,
    compression,
  });
  yield `image: no engine was used: the stages of deploy/Dockerfile were replayed, on this machine's libraries in place of the base image; ${digest}`;
  yield packFolder(layout, join(plan.out, `darner-${version}-image-linux-${DEBIAN_ARCH[THIS_ARCH]}.oci.tar`), { epoch, level: 0 });
}

function makeSbom({ root, out }: ReleasePlan): string {
  const file = join(out, `darner-${versionOf(root)}.cdx.json`);
  writeFileSync(file, billOfMaterials(root));
  return file;
}
