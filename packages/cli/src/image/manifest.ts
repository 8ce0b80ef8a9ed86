import { parseDigest, type Digest } from "@darner/domain";

/** What a manifest says of something else it names. */
export type Descriptor = { readonly mediaType: string; readonly digest: Digest; readonly size: number; readonly platform?: Platform };

/** What an image is made for, in OCI's words: `linux/arm64`, `linux/arm/v7`. */
export type Platform = { readonly name: string; readonly variant?: string };

/** What an index or a manifest names, as far as a pull needs to know. */
export type ManifestParts = { readonly manifests: readonly Descriptor[]; readonly blobs: readonly Descriptor[] };

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads an index or a manifest (image-spec image-index.md, manifest.md; Docker's schema 2 alike). Undefined where the bytes are neither,
 * or name something by a digest that cannot be checked: an image that lacks a part is no image.
 */
export function readManifest(bytes: Uint8Array): ManifestParts | undefined {
  const manifest = jsonIn(bytes);
  if (manifest === undefined) return undefined;
  const named = [
    ...(manifest["config"] === undefined ? [] : [manifest["config"]]),
    ...listOf(manifest["layers"]),
    ...listOf(manifest["blobs"]),
  ];
  const blobs = named.map(descriptorOf);
  const manifests = listOf(manifest["manifests"]).map(descriptorOf);
  const isEmpty = !("layers" in manifest || "config" in manifest || "blobs" in manifest || "manifests" in manifest);
  return isEmpty || !areWhole(blobs) || !areWhole(manifests) ? undefined : { manifests, blobs };
}

/** The platform of this machine in OCI's words. */
export function hostPlatform(): string {
  const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
  return `linux/${architectures[process.arch] ?? process.arch}`;
}

/** Of the images an index names the one for `wanted`, `os/architecture[/variant]`; an image made for nothing in particular is a last resort. */
export function childFor(wanted: string, children: readonly Descriptor[]): Descriptor | undefined {
  const exact = children.find(({ platform }) => platform !== undefined && platformText(platform) === wanted);
  return exact ?? children.find(({ platform }) => platform?.name === wanted) ?? children.find(({ platform }) => platform === undefined);
}

/** A platform as `--platform` takes it. */
export function platformText({ name, variant }: Platform): string {
  return variant === undefined ? name : `${name}/${variant}`;
}

function jsonIn(bytes: Uint8Array): Json | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

function areWhole(descriptors: readonly (Descriptor | undefined)[]): descriptors is readonly Descriptor[] {
  return !descriptors.includes(undefined);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function descriptorOf(value: unknown): Descriptor | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { digest, size, mediaType, platform } = value as Json;
  const parsed = typeof digest === "string" ? parseDigest(digest) : undefined;
  if (parsed?.ok !== true || !parsed.known || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  return {
    digest: parsed.digest,
    size,
    mediaType: typeof mediaType === "string" ? mediaType : "application/octet-stream",
    ...platformOf(platform),
  };
}

function platformOf(value: unknown): { platform?: Platform } {
  const { os, architecture, variant } = (value ?? {}) as Json;
  if (typeof os !== "string" || typeof architecture !== "string") return {};
  return { platform: { name: `${os}/${architecture}`, ...(typeof variant === "string" ? { variant } : {}) } };
}
