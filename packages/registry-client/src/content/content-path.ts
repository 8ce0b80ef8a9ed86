import { isRepositoryName, isTag, parseDigest, type Repository } from "@darner/domain";
import { RegistryError } from "../registry-error.ts";

/** The path of a manifest or blob below a registry's root; throws `refused` for what no registry can have. */
export function contentPath({ name }: Repository, kind: "manifest" | "blob", reference: string): string {
  const named = parseDigest(reference).ok || (kind === "manifest" && isTag(reference));
  if (!isRepositoryName(name) || !named) {
    const detail = { code: "refused", status: 400, body: new Uint8Array(), contentType: "" } as const;
    throw new RegistryError(detail, "this is no repository name, tag or digest");
  }
  return `/v2/${name}/${kind === "manifest" ? "manifests" : "blobs"}/${reference}`;
}

/** Every manifest type there is, for requests that want whatever the registry has (contracts/registry-mirror.md 1.4). */
export const MANIFEST_TYPES: readonly string[] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.artifact.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
  "application/vnd.docker.distribution.manifest.v1+json",
  "*/*",
];
