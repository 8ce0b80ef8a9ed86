import type { Digest, Reference } from "@darner/domain";
import type { Terminal } from "./command.ts";
import { readManifest, type Descriptor } from "./image.ts";
import { MirrorError, type FetchedManifest, type MirrorClient } from "./mirror-client.ts";
import type { OciLayout } from "./oci-layout.ts";
import { Progress } from "./progress.ts";

/** What to pull, and where to. */
export type PullPlan = {
  readonly reference: Reference;
  readonly client: MirrorClient;
  /** Absent: the image is pulled through the daemon, so that this host holds it, and its bytes are checked and let go. */
  readonly layout: OciLayout | undefined;
  readonly platform: string;
  readonly allPlatforms: boolean;
  readonly terminal: Terminal;
};

/** What was pulled. */
export type PulledImage = { readonly digest: Digest; readonly mediaType: string; readonly size: number; readonly blobs: number; readonly bytes: number };

// containerd's own default for one image.
const PARALLEL_BLOBS = 3;

/** Pulls an image whole, every digest checked. Rejects with `MirrorError` or the disk's error. */
export async function pullImage(plan: PullPlan): Promise<PulledImage> {
  const root = await plan.client.manifest(plan.reference);
  const blobs = new Map<Digest, Descriptor>();
  await collect(plan, root, blobs);
  const progress = new Progress(plan.terminal, plan.reference.name);
  for (const { size } of blobs.values()) progress.expect(size);
  const waiting = [...blobs.values()];
  await Promise.all(Array.from({ length: PARALLEL_BLOBS }, () => pullNext(plan, waiting, progress)));
  progress.finish();
  const bytes = [...blobs.values()].reduce((sum, { size }) => sum + size, 0);
  return { digest: root.digest, mediaType: root.mediaType, size: root.bytes.length, blobs: blobs.size, bytes };
}

/** Takes in a manifest and, for an index, the manifests of the wanted platforms; gathers the blobs they name. */
async function collect(plan: PullPlan, manifest: FetchedManifest, blobs: Map<Digest, Descriptor>): Promise<void> {
  await plan.layout?.put(manifest.digest, manifest.bytes);
  const parts = readManifest(manifest.bytes);
  for (const blob of parts?.blobs ?? []) blobs.set(blob.digest, blob);
  for (const child of wantedChildren(plan, parts?.manifests ?? [])) {
    const { registry, name } = plan.reference;
    await collect(plan, await plan.client.manifest({ registry, name, digest: child.digest }), blobs);
  }
}

function wantedChildren({ platform, allPlatforms }: PullPlan, children: readonly Descriptor[]): readonly Descriptor[] {
  if (allPlatforms || children.length === 0) return children;
  const wanted = children.filter((child) => child.platform === platform || child.platform === undefined);
  if (wanted.length > 0) return wanted;
  const there = children.map((child) => child.platform ?? "?").join(", ");
  throw new MirrorError({ code: "refused", status: 404 }, `the image is not made for ${platform}; it has ${there}: choose one with --platform`);
}

async function pullNext(plan: PullPlan, waiting: Descriptor[], progress: Progress): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { digest } = next;
    const pull = async (write: (bytes: Uint8Array) => Promise<void>): Promise<void> => {
      const sink = async (bytes: Uint8Array): Promise<void> => {
        await write(bytes);
        progress.add(bytes.length);
      };
      await plan.client.blob(plan.reference, digest, sink, () => undefined);
    };
    if (plan.layout === undefined) await pull(() => Promise.resolve());
    else await plan.layout.stream(digest, pull);
  }
}
