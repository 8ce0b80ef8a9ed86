import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { digestAlgorithm, digestEncoded, type Digest } from "@darner/domain";

/** What `index.json` says of an image; `name` is its tag. */
export type LayoutEntry = { readonly mediaType: string; readonly digest: Digest; readonly size: number; readonly name?: string };

/** Writes the bytes of a blob, in order. */
export type BlobWrite = (bytes: Uint8Array) => Promise<void>;

type IndexEntry = { readonly digest?: unknown; readonly annotations?: Readonly<Record<string, unknown>> };

const REF_NAME = "org.opencontainers.image.ref.name";

/** Writes an OCI image layout directory (image-spec image-layout.md). A blob has its name only when it is whole; `index.json` names an image only when all of it is there. */
export class OciLayout {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Whether the blob is there, with the right bytes. */
  async has(digest: Digest, size: number): Promise<boolean> {
    const path = this.#pathOf(digest);
    const there = await stat(path).catch(() => undefined);
    if (there === undefined || there.size !== size) return false;
    const hash = createHash(digestAlgorithm(digest));
    await pipeline(createReadStream(path), hash);
    return hash.digest("hex") === digestEncoded(digest);
  }

  /** Writes a whole small blob. */
  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    await this.stream(digest, (write) => write(bytes));
  }

  /** Writes a blob as it comes; `fill` writes it in order and rejects where it is not right, and then nothing is left. */
  async stream(digest: Digest, fill: (write: BlobWrite) => Promise<void>): Promise<void> {
    const path = this.#pathOf(digest);
    await mkdir(join(path, ".."), { recursive: true });
    await writeWhole(path, fill);
  }

  /** Names the image in `index.json`: the layout is whole now. Other images keep their entries. */
  async finish({ name, ...descriptor }: LayoutEntry): Promise<void> {
    const others = (await this.#entries()).filter((entry) =>
      name === undefined ? entry.digest !== descriptor.digest : entry.annotations?.[REF_NAME] !== name,
    );
    const entry = name === undefined ? descriptor : { ...descriptor, annotations: { [REF_NAME]: name } };
    const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [...others, entry] };
    await writeFile(join(this.#dir, "oci-layout"), `{"imageLayoutVersion":"1.0.0"}\n`);
    await writeWhole(join(this.#dir, "index.json"), (write) => write(new TextEncoder().encode(`${JSON.stringify(index)}\n`)));
  }

  /** What `index.json` names so far; one that is none is written anew. */
  async #entries(): Promise<readonly IndexEntry[]> {
    try {
      const { manifests } = JSON.parse(await readFile(join(this.#dir, "index.json"), "utf8")) as { manifests?: unknown };
      return Array.isArray(manifests) ? (manifests as IndexEntry[]) : [];
    } catch {
      return [];
    }
  }

  #pathOf(digest: Digest): string {
    return join(this.#dir, "blobs", digestAlgorithm(digest), digestEncoded(digest));
  }
}

/** Writes a file that has its name only when it is whole; where `fill` rejects, nothing is left and what had the name before stays. */
export async function writeWhole(path: string, fill: (write: BlobWrite) => Promise<void>): Promise<void> {
  const partial = `${path}.partial`;
  const file = await open(partial, "w");
  try {
    await fill((bytes) => file.writeFile(bytes));
    await file.close();
    await rename(partial, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw error;
  }
}
