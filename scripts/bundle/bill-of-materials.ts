import { execFileSync } from "node:child_process";

type Component = { readonly name: string; readonly version: string; readonly externalReferences?: readonly { readonly type: string }[] };
type Bill = { readonly metadata: Readonly<Record<string, unknown>>; readonly components: readonly Component[] };

/**
 * What a release is made of, as CycloneDX: every package, its version, licence and hash. The same sources give the same text: neither the
 * time of day nor where a package was downloaded from is in it.
 */
export function billOfMaterials(root: string): string {
  // Packages that npm knows another machine needs, for its native code, are no fault of this one.
  const text = execFileSync("npm", ["sbom", "--omit=dev", "--sbom-format=cyclonedx"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const { serialNumber: _serialNumber, ...bill } = JSON.parse(text) as Bill & { readonly serialNumber: string };
  const { timestamp: _timestamp, ...metadata } = bill.metadata;
  const components = bill.components.map(({ externalReferences = [], ...component }) => ({
    ...component,
    externalReferences: externalReferences.filter(({ type }) => type !== "distribution"),
  }));
  return `${JSON.stringify({ ...bill, metadata, components }, undefined, 2)}\n`;
}
