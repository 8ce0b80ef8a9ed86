import { fittingPlatform, readManifest, type Descriptor } from "@darner/domain";

/** A part whose size is known, as it has to be for a pull. */
export type SizedPart = Descriptor & { readonly size: number };

/** What an index or a manifest names, as far as a pull needs to know. */
export type ImageNames = { readonly manifests: readonly SizedPart[]; readonly blobs: readonly SizedPart[] };

/** Reads an index or a manifest. Undefined where the bytes are neither, or name something that cannot be checked: an image that lacks a part is no image. */
export function namesIn(bytes: Uint8Array): ImageNames | undefined {
  const parts = readManifest(new TextDecoder().decode(bytes));
  if (parts.kind === "unreadable") return undefined;
  const [manifests, blobs] = parts.kind === "index" ? [parts.manifests, []] : [[], [...parts.blobs, ...parts.elsewhere]];
  return areSized(manifests) && areSized(blobs) ? { manifests, blobs } : undefined;
}

/** Of the images an index names the one that fits `wanted`, `os/architecture[/variant]`; an image made for nothing in particular is a last resort. */
export function childFor(wanted: string, children: readonly SizedPart[]): SizedPart | undefined {
  const exact = children.find(({ platform }) => platform === wanted);
  return exact ?? fittingPlatform(wanted, children) ?? children.find(({ platform }) => platform === undefined);
}

function areSized(parts: readonly Descriptor[]): parts is readonly SizedPart[] {
  return parts.every(({ size }) => size !== undefined);
}
