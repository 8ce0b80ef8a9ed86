import { createHash } from "node:crypto";
import type { BundledPackage } from "../bundle/third-party.ts";

/** What a bill of materials tells of. */
export type SbomPlan = {
  readonly version: string;
  readonly nodeVersion: string;
  /** The packages of npm of which something is in the bundle. */
  readonly packages: readonly BundledPackage[];
  readonly epoch: number;
};

/**
 * The bill of materials of what is shipped, as CycloneDX 1.6: what esbuild really put into the bundle, and the Node beside it, not what
 * happens to be in node_modules.
 */
export function sbom({ version, nodeVersion, packages, epoch }: SbomPlan): object {
  const own = {
    type: "application",
    "bom-ref": `pkg:generic/darner@${version}`,
    name: "darner",
    version,
    purl: `pkg:generic/darner@${version}`,
  };
  const node = {
    type: "application",
    "bom-ref": `pkg:generic/node@${nodeVersion}`,
    name: "node",
    version: nodeVersion,
    purl: `pkg:generic/node@${nodeVersion}`,
    licenses: [{ license: { id: "MIT" } }],
  };
  const libraries = packages.map(component);
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: serialNumber(JSON.stringify([version, nodeVersion, libraries])),
    version: 1,
    metadata: {
      timestamp: new Date(epoch * 1000).toISOString(),
      component: { ...own, licenses: [{ license: { id: "Apache-2.0" } }] },
    },
    components: [node, ...libraries],
    dependencies: [{ ref: own["bom-ref"], dependsOn: [node["bom-ref"], ...libraries.map((each) => each["bom-ref"])] }],
  };
}

function component({ name, version, license }: BundledPackage): { "bom-ref": string } & Record<string, unknown> {
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const isExpression = /\b(?:OR|AND|WITH)\b/.test(license);
  const licenses = isExpression ? [{ expression: license }] : [{ license: { id: license } }];
  return { type: "library", "bom-ref": purl, name, version, purl, licenses };
}

/** A UUID that the same contents always get. */
function serialNumber(contents: string): string {
  const hex = createHash("sha256").update(contents).digest("hex");
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
