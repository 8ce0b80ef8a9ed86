import type { Digest } from "@darner/domain";
import { fixtureBlob, type BuiltImage, type FixtureBlob } from "../fixtures.ts";

type Repo = { readonly blobs: Map<string, FixtureBlob>; readonly manifests: Map<string, FixtureBlob>; readonly tags: Map<string, Digest> };

/** What a registry holds, by repository. */
export class RegistryContent {
  readonly #repos = new Map<string, Repo>();

  /** Puts a whole image under a tag (of its index). */
  push(repository: string, image: BuiltImage, tag = "latest"): void {
    for (const blob of [image.config, ...image.layers]) this.pushBlob(repository, blob.bytes);
    this.pushManifest(repository, image.manifest);
    this.pushManifest(repository, image.index, tag);
  }

  pushBlob(repository: string, bytes: Uint8Array): FixtureBlob {
    const blob = fixtureBlob(bytes);
    this.#repo(repository).blobs.set(blob.digest, blob);
    return blob;
  }

  /** Puts a manifest; `digest` names it by another digest than its sha256 (a sha512 one, or a lie). */
  pushManifest(repository: string, manifest: FixtureBlob, tag?: string): void {
    const repo = this.#repo(repository);
    repo.manifests.set(manifest.digest, manifest);
    if (tag !== undefined) repo.tags.set(tag, manifest.digest);
  }

  deleteTag(repository: string, tag: string): void {
    this.#repos.get(repository)?.tags.delete(tag);
  }

  blob(repository: string, digest: string): FixtureBlob | undefined {
    return this.#repos.get(repository)?.blobs.get(digest);
  }

  manifest(repository: string, reference: string): FixtureBlob | undefined {
    const repo = this.#repos.get(repository);
    return repo?.manifests.get(repo.tags.get(reference) ?? reference);
  }

  tags(repository: string): string[] | undefined {
    const repo = this.#repos.get(repository);
    return repo === undefined ? undefined : [...repo.tags.keys()].sort();
  }

  /** Descriptors of the manifests whose `subject` is `digest`. */
  referrers(repository: string, digest: string): object[] {
    const found: object[] = [];
    for (const manifest of this.#repos.get(repository)?.manifests.values() ?? []) {
      const { subject, artifactType } = JSON.parse(new TextDecoder().decode(manifest.bytes)) as {
        subject?: { digest?: string };
        artifactType?: string;
      };
      if (subject?.digest !== digest) continue;
      found.push({ mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size, artifactType });
    }
    return found;
  }

  #repo(name: string): Repo {
    const known = this.#repos.get(name);
    if (known !== undefined) return known;
    const made: Repo = { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.#repos.set(name, made);
    return made;
  }
}
