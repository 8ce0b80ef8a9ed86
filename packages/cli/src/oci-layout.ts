import { mkdir, open, rename, rm, writeFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { digestAlgorithm, digestEncoded, type Digest } from "@darner/domain";

/** What `index.json` says of the image. */
export type LayoutEntry = { readonly mediaType: string; readonly digest: Digest; readonly size: number; readonly name?: string };

/** Writes an OCI image layout directory (image-spec image-layout.md). A blob has its name only when it is whole. */
export class OciLayout {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Writes a whole small blob. */
  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    const path = await this.#pathOf(digest);
    await writeFile(`${path}.partial`, bytes);
    await rename(`${path}.partial`, path);
  }

  /** Writes a blob as it comes; `fill` writes it in order and rejects where it is not right. */
  async stream(digest: Digest, fill: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>): Promise<void> {
    const path = await this.#pathOf(digest);
    const partial = `${path}.partial`;
    const file: FileHandle = await open(partial, "w");
    try {
      await fill(async (bytes) => {
        await file.writeFile(bytes);
      });
    } catch (error) {
      await file.close();
      await rm(partial, { force: true });
      throw error;
    }
    await file.close();
    await rename(partial, path);
  }

  /** Writes `oci-layout` and `index.json`: the layout is whole now. */
  async finish({ name, ...descriptor }: LayoutEntry): Promise<void> {
    const annotations = name === undefined ? {} : { annotations: { "org.opencontainers.image.ref.name": name } };
    const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [{ ...descriptor, ...annotations }] };
    await writeFile(join(this.#dir, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}\n`);
    await writeFile(join(this.#dir, "index.json"), `${JSON.stringify(index)}\n`);
  }

  async #pathOf(digest: Digest): Promise<string> {
    const folder = join(this.#dir, "blobs", digestAlgorithm(digest));
    await mkdir(folder, { recursive: true });
    return join(folder, digestEncoded(digest));
  }
}
