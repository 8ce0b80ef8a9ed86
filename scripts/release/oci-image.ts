import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { ImageConfig } from "./dockerfile.ts";
import { tarOf } from "./tar.ts";

/** A layer: a folder, and who owns what is in it. */
export type LayerPlan = { readonly folder: string; readonly owner: number; readonly says: string };

/** What an image of one kind of machine is made of. */
export type ImagePlan = {
  readonly layers: readonly LayerPlan[];
  readonly config: ImageConfig;
  /** As Go calls it: amd64, arm64. */
  readonly architecture: string;
  readonly epoch: number;
  readonly tag: string;
  readonly compression: "gzip" | "none";
};

type Descriptor = { readonly mediaType: string; readonly digest: string; readonly size: number };

/** Writes an image as an OCI layout directory, the same to the last byte for the same folders; any client of registries can push it. */
export function writeOciImage(layout: string, plan: ImagePlan): Descriptor {
  mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
  const created = new Date(plan.epoch * 1000).toISOString();
  const packed = plan.layers.map((layer) => ({ ...packedLayer(layout, layer, plan), says: layer.says }));
  const config = put(layout, "application/vnd.oci.image.config.v1+json", {
    created,
    architecture: plan.architecture,
    os: "linux",
    config: plan.config,
    rootfs: { type: "layers", diff_ids: packed.map(({ diffId }) => diffId) },
    history: packed.map(({ says }) => ({ created, created_by: says })),
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const layers = packed.map(({ descriptor }) => descriptor);
  const manifest = put(layout, mediaType, { schemaVersion: 2, mediaType, config, layers, annotations: plan.config.Labels });
  const annotations = { "org.opencontainers.image.ref.name": plan.tag };
  const entry = { ...manifest, platform: { os: "linux", architecture: plan.architecture }, annotations };
  writeFileSync(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  return manifest;
}

function packedLayer(layout: string, { folder, owner }: LayerPlan, plan: ImagePlan): { descriptor: Descriptor; diffId: string } {
  const tar = tarOf(folder, { owner, epoch: plan.epoch });
  const isGzip = plan.compression === "gzip";
  const mediaType = `application/vnd.oci.image.layer.v1.tar${isGzip ? "+gzip" : ""}`;
  const descriptor = putBytes(layout, mediaType, isGzip ? gzipSync(tar, { level: 9 }) : tar);
  return { descriptor, diffId: digestOf(tar) };
}

function put(layout: string, mediaType: string, content: object): Descriptor {
  return putBytes(layout, mediaType, Buffer.from(JSON.stringify(content)));
}

function putBytes(layout: string, mediaType: string, bytes: Buffer): Descriptor {
  const digest = digestOf(bytes);
  writeFileSync(join(layout, "blobs/sha256", digest.slice("sha256:".length)), bytes);
  return { mediaType, digest, size: bytes.length };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
