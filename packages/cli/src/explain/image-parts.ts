import type { Digest } from "@darner/domain";
import { imageFor, partsOf, type ImageChoice } from "../image/pull-image.ts";

/** One blob of an image, and what it is to it. */
export type ImagePart = { readonly kind: "index" | "manifest" | "config" | "layer" | "blob"; readonly digest: Digest };

/** Everything an image is made of, asked of the local mirror. Rejects with `MirrorError`. */
export async function imageParts(choice: ImageChoice): Promise<ImagePart[]> {
  const root = await choice.client.manifest(choice.reference);
  const image = await imageFor(choice, root);
  const { blobs } = partsOf(image);
  const parts: ImagePart[] = image.digest === root.digest ? [] : [{ kind: "index", digest: root.digest }];
  parts.push({ kind: "manifest", digest: image.digest });
  // A manifest names its configuration first, whatever that is called.
  for (const [at, { digest }] of blobs.entries()) parts.push({ kind: at === 0 && blobs.length > 1 ? "config" : "layer", digest });
  return parts.filter((part, at) => parts.findIndex(({ digest }) => digest === part.digest) === at);
}
