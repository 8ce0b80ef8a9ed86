import { parseDigest, type Digest } from "./digest.ts";

/** What a manifest or an index says of a thing it names. Sizes that are missing or impossible are left out: the registry is asked for them. */
export type Descriptor = {
  readonly digest: Digest;
  readonly mediaType?: string;
  readonly size?: number;
  /** `os/arch[/variant]`, as an index writes it. */
  readonly platform?: string;
};

/** A manifest as what it names: an index names manifests, everything else names blobs. */
export type ManifestParts =
  | { readonly kind: "index"; readonly manifests: readonly Descriptor[] }
  | {
      readonly kind: "image";
      readonly blobs: readonly Descriptor[];
      /** Layers that clients fetch from their `urls`: registries need not have them, and many do not. */
      readonly elsewhere: readonly Descriptor[];
    };

/** Why bytes are no manifest. */
export type Unreadable = { readonly kind: "unreadable"; readonly why: string };

type Json = Readonly<Record<string, unknown>>;

// As many as a manifest of 16 MiB can hold; more are no image.
const MAX_NAMED = 100_000;
const ELSEWHERE = /\.foreign\.|\.nondistributable\./;

/** Reads an index or a manifest of any kind: OCI, Docker schema 2 and 1, artifacts (image-spec manifest.md, image-index.md). */
export function readManifest(text: string): ManifestParts | Unreadable {
  const manifest = objectIn(text);
  if (manifest === undefined) return { kind: "unreadable", why: "it is no JSON object" };
  if (Array.isArray(manifest["manifests"])) {
    const manifests = namedIn(manifest["manifests"]);
    return typeof manifests === "string" ? { kind: "unreadable", why: manifests } : { kind: "index", manifests };
  }
  const isKnown = ["config", "layers", "blobs", "fsLayers"].some((key) => key in manifest);
  if (!isKnown) return { kind: "unreadable", why: "it names neither manifests nor layers" };
  const listed = [
    ...(manifest["config"] === undefined ? [] : [manifest["config"]]),
    ...listOf(manifest["layers"]),
    ...listOf(manifest["blobs"]),
  ];
  const blobs = namedIn([...listed.filter((entry) => !isElsewhere(entry)), ...listOf(manifest["fsLayers"]).map(schema1Layer)]);
  if (typeof blobs === "string") return { kind: "unreadable", why: blobs };
  const elsewhere = namedIn(listed.filter(isElsewhere));
  if (typeof elsewhere === "string") return { kind: "unreadable", why: elsewhere };
  return { kind: "image", blobs: distinct(blobs), elsewhere };
}

/** Docker's first schema says of a layer its digest alone. */
function schema1Layer(value: unknown): unknown {
  return isObject(value) ? { digest: value["blobSum"] } : value;
}

function namedIn(values: readonly unknown[]): readonly Descriptor[] | string {
  if (values.length > MAX_NAMED) return `it names ${String(values.length)} things, more than any image has`;
  const named: Descriptor[] = [];
  for (const value of values) {
    const parsed = isObject(value) && typeof value["digest"] === "string" ? parseDigest(value["digest"]) : undefined;
    if (parsed?.ok !== true || !isObject(value)) return "it names something without a well-formed digest";
    if (!parsed.known) return `it names something by ${parsed.algorithm}, which cannot be checked here`;
    const { size, mediaType } = value;
    const platform = platformOf(value["platform"]);
    named.push({
      digest: parsed.digest,
      ...(typeof mediaType === "string" && mediaType !== "" ? { mediaType } : {}),
      ...(typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? { size } : {}),
      ...(platform === undefined ? {} : { platform }),
    });
  }
  return named;
}

function platformOf(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  const { os, architecture, variant } = value;
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  return [os, architecture, ...(typeof variant === "string" && variant !== "" ? [variant] : [])].join("/");
}

/** Images name the same empty layer many times over. */
function distinct(named: readonly Descriptor[]): Descriptor[] {
  return [...new Map(named.map((one) => [one.digest, one])).values()];
}

function isElsewhere(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { mediaType, urls } = value;
  return (typeof mediaType === "string" && ELSEWHERE.test(mediaType)) || (Array.isArray(urls) && urls.length > 0);
}

function objectIn(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
