import { parseDigest, type Digest } from "@darner/domain";

/** What a manifest names. Sizes that are missing or impossible are left out: the registry is asked for them. */
export type Named = { readonly digest: Digest; readonly mediaType: string; readonly size?: number; readonly platform?: string };

/** A manifest as far as warming needs it: an index names manifests, everything else names blobs. */
export type ManifestParts =
  | { readonly kind: "index"; readonly manifests: readonly Named[] }
  | { readonly kind: "image"; readonly blobs: readonly Named[]; /** Layers that are not at the registry. */ readonly elsewhere: number };

/** Why bytes are no manifest that can be warmed. */
export type Unreadable = { readonly kind: "unreadable"; readonly why: string };

type Json = Readonly<Record<string, unknown>>;

// As many as a manifest of 16 MiB can hold; more are no image.
const MAX_NAMED = 100_000;
// Layers that clients fetch from their `urls`: registries need not have them, and many do not.
const ELSEWHERE = /\.foreign\.|\.nondistributable\./;
const UNKNOWN_TYPE = "application/octet-stream";

/** Reads an index or a manifest of any kind: OCI, Docker schema 2 and 1, artifacts (image-spec manifest.md, image-index.md). */
export function readManifest(bytes: Uint8Array): ManifestParts | Unreadable {
  const manifest = objectIn(bytes);
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
  const here = listed.filter((entry) => !isElsewhere(entry));
  const blobs = namedIn([...here, ...listOf(manifest["fsLayers"]).map(schema1Layer)]);
  if (typeof blobs === "string") return { kind: "unreadable", why: blobs };
  return { kind: "image", blobs: distinct(blobs), elsewhere: listed.length - here.length };
}

/** Docker's first schema says of a layer its digest alone. */
function schema1Layer(value: unknown): unknown {
  return isObject(value) ? { digest: value["blobSum"] } : value;
}

function namedIn(values: readonly unknown[]): readonly Named[] | string {
  if (values.length > MAX_NAMED) return `it names ${String(values.length)} things, more than any image has`;
  const named: Named[] = [];
  for (const value of values) {
    const parsed = isObject(value) && typeof value["digest"] === "string" ? parseDigest(value["digest"]) : undefined;
    if (parsed?.ok !== true || !isObject(value)) return "it names something without a well-formed digest";
    if (!parsed.known) return `it names something by ${parsed.algorithm}, which cannot be checked here`;
    const { size, mediaType } = value;
    const platform = platformOf(value["platform"]);
    named.push({
      digest: parsed.digest,
      mediaType: typeof mediaType === "string" && mediaType !== "" ? mediaType : UNKNOWN_TYPE,
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
function distinct(named: readonly Named[]): Named[] {
  return [...new Map(named.map((one) => [one.digest, one])).values()];
}

function isElsewhere(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { mediaType, urls } = value;
  return (typeof mediaType === "string" && ELSEWHERE.test(mediaType)) || (Array.isArray(urls) && urls.length > 0);
}

function objectIn(bytes: Uint8Array): Json | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
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
