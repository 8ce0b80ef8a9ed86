import { execFileSync } from "node:child_process";

type Part = {
  readonly "bom-ref": string;
  readonly properties?: readonly { readonly name: string }[];
  readonly externalReferences?: readonly { readonly type: string }[];
};
type Bill = {
  readonly serialNumber: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly components: readonly Part[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
};

/**
 * What a release is made of, as CycloneDX: every package, its version, licence and hash. The same sources give the same text: neither the
 * time of day nor where a package was downloaded from is in it.
 */
export function billOfMaterials(root: string): string {
  // `--omit=dev` would leave out what is shipped and is a tool's dependency, too.
  const text = execFileSync("npm", ["sbom", "--sbom-format=cyclonedx"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const { serialNumber: _serialNumber, ...bill } = JSON.parse(text) as Bill;
  const { timestamp: _timestamp, ...metadata } = bill.metadata;
  const components = bill.components.filter(isShipped).map(({ externalReferences = [], ...part }) => ({
    ...part,
    externalReferences: externalReferences.filter(({ type }) => type !== "distribution"),
  }));
  const shipped = new Set(components.map((part) => part["bom-ref"]));
  const dependencies = bill.dependencies
    .filter(({ ref }) => shipped.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => shipped.has(other)) }));
  return `${JSON.stringify({ ...bill, metadata, components, dependencies }, undefined, 2)}\n`;
}

function isShipped({ properties = [], "bom-ref": ref }: Part): boolean {
  return !ref.startsWith("@darner/testkit@") && properties.every(({ name }) => name !== "cdx:npm:package:development");
}
