import type { Digest, Reference } from "@darner/domain";
import type { Terminal } from "../command.ts";
import { childFor, namesIn, type ImageNames, type SizedPart } from "./manifest.ts";
import { MirrorError, type FetchedManifest, type MirrorClient } from "./mirror-client.ts";
import type { BlobWrite, OciLayout } from "./oci-layout.ts";
import { Progress } from "./progress.ts";

/** What to pull, and where to. */
export type PullPlan = {
  readonly reference: Reference;
  readonly client: MirrorClient;
  /** Absent: the image is pulled through the daemon, so that this host holds it, and its bytes are checked and let go. */
  readonly layout: OciLayout | undefined;
  readonly platform: string;
  /** The index with every image in it, instead of the one image for `platform`. */
  readonly allPlatforms: boolean;
  readonly terminal: Terminal;
};

/** Which image is meant, and who is asked for it. */
export type ImageChoice = Pick<PullPlan, "reference" | "client" | "platform">;

/** What was pulled. */
export type PulledImage = {
  /** What the reference stands for: an index or a manifest. */
  readonly digest: Digest;
  /** What was pulled of it: the manifest for the platform, or the index. */
  readonly manifest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly blobs: number;
  readonly bytes: number;
};

type Image = { readonly top: FetchedManifest; readonly blobs: Map<Digest, SizedPart> };

// containerd's own default for one image.
const PARALLEL_BLOBS = 3;
// The largest index of Docker Hub's official images names some 30; an index that never ends must not be followed.
const MAX_MANIFESTS = 1000;

/** Pulls an image whole, every digest checked. Rejects with `MirrorError`, the disk's error, or the reason of an abort; then nothing is under way any more. */
export async function pullImage(plan: PullPlan): Promise<PulledImage> {
  const root = await plan.client.manifest(plan.reference);
  const top = plan.allPlatforms ? root : await imageFor(plan, root);
  const image: Image = { top, blobs: new Map() };
  await collect(plan, top, image.blobs, { left: MAX_MANIFESTS });
  const blobs = [...image.blobs.values()];
  await pullBlobs(plan, blobs);
  const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
  return { digest: root.digest, manifest: top.digest, mediaType: top.mediaType, size: top.bytes.length, blobs: blobs.length, bytes };
}

/** Goes down from an index to the one image for the platform. Rejects with `MirrorError`. */
export async function imageFor(plan: ImageChoice, root: FetchedManifest): Promise<FetchedManifest> {
  let manifest = root;
  for (let depth = 0; depth < MAX_MANIFESTS; depth++) {
    const { manifests } = partsOf(manifest);
    if (manifests.length === 0) return manifest;
    const child = childFor(plan.platform, manifests);
    if (child === undefined) throw noPlatform(plan.platform, manifests);
    manifest = await plan.client.manifest({ ...repositoryOf(plan), digest: child.digest });
  }
  throw notAnImage(root);
}

/** Takes in a manifest and, for an index, the manifests it names; gathers the blobs they name. */
async function collect(plan: PullPlan, manifest: FetchedManifest, blobs: Map<Digest, SizedPart>, budget: { left: number }): Promise<void> {
  budget.left -= 1;
  if (budget.left < 0) throw notAnImage(manifest);
  const parts = partsOf(manifest);
  await plan.layout?.put(manifest.digest, manifest.bytes);
  for (const blob of parts.blobs) blobs.set(blob.digest, blob);
  for (const { digest } of parts.manifests) {
    await collect(plan, await plan.client.manifest({ ...repositoryOf(plan), digest }), blobs, budget);
  }
}

async function pullBlobs(plan: PullPlan, blobs: readonly SizedPart[]): Promise<void> {
  const progress = new Progress(plan.terminal, plan.reference.name);
  for (const { size } of blobs) progress.expect(size);
  const waiting = [...blobs];
  const failed = new AbortController();
  const pullers = Array.from({ length: PARALLEL_BLOBS }, async () => {
    try {
      for (let next = waiting.shift(); next !== undefined && !failed.signal.aborted; next = waiting.shift())
        await pullBlob(plan, next, progress, failed.signal);
    } catch (error) {
      // The first reason is the one that is told; the others end because of it.
      failed.abort(error);
    }
  });
  await Promise.all(pullers);
  progress.finish();
  failed.signal.throwIfAborted();
}

async function pullBlob(
  { client, layout, reference }: PullPlan,
  { digest, size }: SizedPart,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const pull = async (write: BlobWrite): Promise<void> => {
    const sink = async (bytes: Uint8Array): Promise<void> => {
      await write(bytes);
      progress.add(bytes.length);
    };
    await client.blob(reference, digest, sink, { signal });
  };
  if (layout === undefined) await pull(() => Promise.resolve());
  else if (await layout.has(digest, size)) progress.add(size);
  else await layout.stream(digest, pull);
}

function repositoryOf({ reference: { registry, name } }: ImageChoice): { registry: string; name: string } {
  return { registry, name };
}

/** What a manifest or index names. Throws `MirrorError` where it is none. */
export function partsOf(manifest: FetchedManifest): ImageNames {
  const parts = namesIn(manifest.bytes);
  if (parts === undefined) throw notAnImage(manifest);
  return parts;
}

function notAnImage({ digest, mediaType }: FetchedManifest): MirrorError {
  return new MirrorError(
    { code: "not-an-image", digest },
    `${digest} (${mediaType}) is no image manifest or index that can be checked whole`,
  );
}

function noPlatform(platform: string, children: readonly SizedPart[]): MirrorError {
  const there = children
    .flatMap((child) => (child.platform === undefined ? [] : [child.platform]))
    .filter((text) => text !== "unknown/unknown");
  return new MirrorError(
    { code: "no-platform", platform },
    `the image is not made for ${platform}; it has ${there.join(", ")}: choose one with --platform`,
  );
}
