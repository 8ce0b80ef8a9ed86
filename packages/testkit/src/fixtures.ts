import { createCipheriv, createHash } from "node:crypto";
import { digestOf, type Digest } from "@darner/domain";
import { tarOf } from "./tar.ts";

/** Bytes with their digest and the media type a descriptor would give them. */
export type FixtureBlob = { readonly digest: Digest; readonly size: number; readonly mediaType: string; readonly bytes: Uint8Array };

/** One layer of an image to be built; `format: "tar"` wraps the random bytes into a tar of one file, which containerd can unpack. */
export type LayerPlan = { readonly bytes: number; readonly seed: number | string; readonly format?: "raw" | "tar" };

/** What an image shall be made of. `kind` picks OCI (default) or Docker media types. */
export type ImagePlan = {
  readonly layers: readonly LayerPlan[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly kind?: "oci" | "docker";
};

/** An image ready to be pushed: an index that names one manifest, its config and its layers. */
export type BuiltImage = {
  readonly index: FixtureBlob;
  readonly manifest: FixtureBlob;
  readonly config: FixtureBlob;
  readonly layers: readonly FixtureBlob[];
  /** Bytes of manifest, config and distinct layers together: what one copy of the image is. */
  readonly totalBytes: number;
};

const TYPES = {
  oci: {
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar",
  },
  docker: {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar",
  },
} as const;

/** `size` bytes that look random, always the same for the same seed. */
export function seededBytes(seed: number | string, size: number): Uint8Array {
  const key = createHash("sha256")
    .update(`darner ${String(seed)}`)
    .digest();
  const cipher = createCipheriv("aes-128-ctr", key.subarray(0, 16), key.subarray(16));
  const bytes = new Uint8Array(size);
  // In slices of 16 MiB: one cipher call on a huge zeroed buffer would double the memory.
  const step = 16 * 1024 * 1024;
  for (let at = 0; at < size; at += step) {
    const part = bytes.subarray(at, Math.min(at + step, size));
    part.set(cipher.update(part));
  }
  return bytes;
}

/** The sha256 digest of `bytes`. */
export function sha256Of(bytes: Uint8Array): Digest {
  return digestOf(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);
}

/** Wraps bytes with their digest. */
export function fixtureBlob(bytes: Uint8Array, mediaType = "application/octet-stream"): FixtureBlob {
  return { digest: sha256Of(bytes), size: bytes.length, mediaType, bytes };
}

/** A blob of seeded random bytes. */
export function randomBlob(seed: number | string, size: number): FixtureBlob {
  return fixtureBlob(seededBytes(seed, size));
}

/** Builds an image for linux on this machine's architecture from seeded layers. */
export function buildImage(plan: ImagePlan): BuiltImage {
  const types = TYPES[plan.kind ?? "oci"];
  const layers = plan.layers.map((layer) => fixtureBlob(layerBytes(layer), types.layer));
  const platform = { architecture: process.arch === "x64" ? "amd64" : process.arch, os: "linux" };
  const config = jsonBlob(types.config, {
    ...platform,
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map((_, at) => ({ created: "2026-01-01T00:00:00Z", created_by: `layer ${String(at)}` })),
  });
  const notes = plan.annotations === undefined ? {} : { annotations: plan.annotations };
  const manifest = jsonBlob(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor(config),
    layers: layers.map(descriptor),
    ...notes,
  });
  const index = jsonBlob(types.index, {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [{ ...descriptor(manifest), platform }],
    ...notes,
  });
  const distinct = new Map([manifest, config, ...layers].map((blob) => [blob.digest, blob.size]));
  return { index, manifest, config, layers, totalBytes: [...distinct.values()].reduce((sum, size) => sum + size, 0) };
}

function layerBytes({ bytes, seed, format }: LayerPlan): Uint8Array {
  const content = seededBytes(seed, bytes);
  return format === "tar" ? tarOf(`layer-${String(seed)}`, content) : content;
}

function jsonBlob(mediaType: string, value: unknown): FixtureBlob {
  return fixtureBlob(new TextEncoder().encode(JSON.stringify(value)), mediaType);
}

function descriptor({ mediaType, digest, size }: FixtureBlob): { mediaType: string; digest: Digest; size: number } {
  return { mediaType, digest, size };
}
