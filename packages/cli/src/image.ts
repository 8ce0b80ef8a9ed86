import { parseDigest, type Digest } from "@darner/domain";

/** What a manifest says of something else it names. */
export type Descriptor = { readonly mediaType: string; readonly digest: Digest; readonly size: number; readonly platform?: string };

/** What an index or a manifest names, as far as a pull needs to know. */
export type ManifestParts = { readonly manifests: readonly Descriptor[]; readonly blobs: readonly Descriptor[] };

type Json = Readonly<Record<string, unknown>>;

/** Reads an index or a manifest (image-spec image-index.md, manifest.md; schema 2 alike). Undefined where the bytes are neither. */
export function readManifest(bytes: Uint8Array): ManifestParts | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const manifest = value as Json;
  const blobs = [manifest["config"], ...listOf(manifest["layers"]), ...listOf(manifest["blobs"])];
  return { manifests: listOf(manifest["manifests"]).flatMap(descriptorOf), blobs: blobs.flatMap(descriptorOf) };
}

/** The platform of this machine in OCI's words. */
export function hostPlatform(): string {
  const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
  return `linux/${architectures[process.arch] ?? process.arch}`;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function descriptorOf(value: unknown): Descriptor[] {
  if (typeof value !== "object" || value === null) return [];
  const { digest, size, mediaType, platform } = value as Json;
  const parsed = typeof digest === "string" ? parseDigest(digest) : undefined;
  if (parsed?.ok !== true || typeof size !== "number") return [];
  const { os, architecture } = (platform ?? {}) as Json;
  return [
    {
      digest: parsed.digest,
      size,
      mediaType: typeof mediaType === "string" ? mediaType : "application/octet-stream",
      ...(typeof os === "string" && typeof architecture === "string" ? { platform: `${os}/${architecture}` } : {}),
    },
  ];
}
