import { fixtureBlob, seededBytes, type FixtureBlob, type HarborRegistry } from "@darner/testkit";

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

/** A manifest with what it names, ready to be pushed. */
export type Artifact = { readonly manifest: FixtureBlob; readonly blobs: readonly FixtureBlob[] };

/** The architecture of this machine as OCI spells it. */
export const HERE: string = process.arch === "x64" ? "amd64" : process.arch;

/** A manifest of any media types over seeded layers. */
export function artifact(
  seed: string,
  {
    manifestType = OCI_MANIFEST,
    configType = OCI_CONFIG,
    layerTypes = [OCI_LAYER],
    layerBytes = 3000,
    config = {},
    more = {},
  }: {
    readonly manifestType?: string;
    readonly configType?: string;
    readonly layerTypes?: readonly string[];
    readonly layerBytes?: number;
    readonly config?: object;
    readonly more?: object;
  } = {},
): Artifact {
  const layers = layerTypes.map((type, at) =>
    fixtureBlob(seededBytes(`${seed} ${String(at)}`, layerBytes === 0 ? 0 : layerBytes + at), type),
  );
  const configBlob = json(configType, { architecture: HERE, os: "linux", seed, ...config });
  const manifest = json(manifestType, {
    schemaVersion: 2,
    mediaType: manifestType,
    config: descriptor(configBlob),
    layers: layers.map(descriptor),
    ...more,
  });
  return { manifest, blobs: [configBlob, ...layers] };
}

/** An index of artifacts, each for a platform as in `linux/arm64`. */
export function index(entries: readonly (readonly [string, Artifact])[], mediaType: string = OCI_INDEX): FixtureBlob {
  const manifests = entries.map(([platform, { manifest }]) => {
    const [os = "", architecture = "", variant] = platform.split("/");
    return { ...descriptor(manifest), platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } };
  });
  return json(mediaType, { schemaVersion: 2, mediaType, manifests });
}

/** Pushes artifacts and, where there is one, their index under a tag. */
export function pushArtifacts(
  { registry }: HarborRegistry,
  repository: string,
  tag: string,
  artifacts: readonly Artifact[],
  root?: FixtureBlob,
): void {
  for (const { manifest, blobs } of artifacts) {
    for (const { bytes } of blobs) registry.content.pushBlob(repository, bytes);
    registry.content.pushManifest(repository, manifest, root === undefined ? tag : undefined);
  }
  if (root !== undefined) registry.content.pushManifest(repository, root, tag);
}

function json(mediaType: string, value: unknown): FixtureBlob {
  return fixtureBlob(new TextEncoder().encode(JSON.stringify(value)), mediaType);
}

function descriptor({ mediaType, digest, size }: FixtureBlob): object {
  return { mediaType, digest, size };
}
