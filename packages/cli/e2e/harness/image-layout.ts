import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestAlgorithm, digestEncoded } from "@darner/domain";
import type { BuiltImage } from "@darner/testkit";

/** Writes an image as an OCI layout directory, to be pushed by a real client; gives the directory. */
export function imageLayout(dir: string, image: BuiltImage): string {
  for (const { digest, bytes } of [image.index, image.manifest, image.config, ...image.layers]) {
    const folder = join(dir, "blobs", digestAlgorithm(digest));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, digestEncoded(digest)), bytes);
  }
  const { mediaType, digest, size } = image.index;
  writeFileSync(join(dir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(dir, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size }] }));
  return dir;
}
