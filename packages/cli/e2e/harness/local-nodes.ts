import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { RunningDaemon } from "@darner/daemon";
import { buildImage, type BuiltImage, type LoggedRequest, type ScriptedRegistry } from "@darner/testkit";
import { Containerd } from "./containerd.ts";
import { LocalCluster, type LocalPlan } from "./local-cluster.ts";

/** A daemon in this process and the real containerd that asks it. */
export type LocalNode = { readonly name: string; readonly daemon: RunningDaemon; readonly containerd: Containerd };

/** What the registry saw of one story. */
export type Sighting = {
  readonly requests: readonly LoggedRequest[];
  /** Requests with containerd's own User-Agent: past the mirror. */
  readonly fallbacks: readonly LoggedRequest[];
  /** Body bytes of manifests and blobs that were sent. */
  readonly bodyBytes: number;
};

/** A scripted registry, and nodes with a real containerd each, all on loopback. */
export class LocalNodes implements AsyncDisposable {
  readonly cluster: LocalCluster;
  readonly nodes: readonly [LocalNode, LocalNode];
  readonly #lives: AsyncDisposableStack;

  private constructor(cluster: LocalCluster, nodes: readonly [LocalNode, LocalNode], lives: AsyncDisposableStack) {
    this.cluster = cluster;
    this.nodes = nodes;
    this.#lives = lives;
  }

  /** Two nodes. */
  static async open(plan: Omit<LocalPlan, "daemons"> = {}): Promise<LocalNodes> {
    await using births = new AsyncDisposableStack();
    const cluster = births.use(await LocalCluster.open({ ...plan, daemons: 2 }));
    const open = async (number: number): Promise<LocalNode> => {
      const daemon = cluster.daemons[number];
      assert.ok(daemon !== undefined);
      const containerd = births.use(
        await Containerd.open(undefined, join(cluster.dir, `containerd-${String(number)}`), daemon.addresses.mirror),
      );
      return { name: `node ${String(number + 1)}`, daemon, containerd };
    };
    const nodes = [await open(0), await open(1)] as const;
    return new LocalNodes(cluster, nodes, births.move());
  }

  get registry(): ScriptedRegistry {
    return this.cluster.registry;
  }

  /** Puts a fresh image of three layers, 12 MiB, into a repository of its own; gives it with its full name. */
  push(repository: string): { readonly image: BuiltImage; readonly name: string } {
    const layers = [6, 4, 2].map((mebibytes) => ({ bytes: mebibytes * 1024 * 1024, seed: `${repository} ${String(mebibytes)}` }));
    const image = buildImage({ layers });
    this.registry.content.push(repository, image, "v1");
    return { image, name: `${this.registry.host}/${repository}:v1` };
  }

  /** Runs a story and tells what the registry saw of it. */
  async watch(story: () => Promise<void>): Promise<Sighting> {
    const before = this.registry.requests.length;
    await story();
    const requests = this.registry.requests.slice(before);
    const bodyBytes = requests
      .filter(({ kind }) => kind === "blob" || kind === "manifest")
      .reduce((sum, request) => sum + request.bodyBytes, 0);
    return { requests, fallbacks: requests.filter(({ userAgent }) => userAgent?.startsWith("containerd/") === true), bodyBytes };
  }

  /** Hashes every blob that any store of any node holds and compares it with its name. */
  async assertNothingWrong(): Promise<void> {
    for (const [number, { containerd }] of this.nodes.entries()) {
      await assertNamesTell(containerd.blobs);
      await assertNamesTell(join(this.cluster.dir, `daemon-${String(number)}`, "store", "blobs", "sha256"));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lives.disposeAsync();
  }
}

/** Everything of an image, as containerd keeps it. */
export function partsOf(image: BuiltImage): BuiltImage["index"][] {
  return [image.index, image.manifest, image.config, ...image.layers];
}

/** One copy of an image: index, manifest, config and layers. */
export function copyBytes(image: BuiltImage): number {
  return image.index.size + image.totalBytes;
}

/** Asserts that a node's content store holds an image whole and right. */
export async function assertHolds({ name, containerd }: LocalNode, image: BuiltImage): Promise<void> {
  const content = await containerd.content();
  for (const { digest } of partsOf(image)) {
    assert.ok(content.has(digest), `${digest} is in the content store of ${name}`);
    assert.equal(await containerd.sha256(digest), digest);
  }
}

async function assertNamesTell(folder: string): Promise<void> {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const hash = createHash("sha256");
    try {
      for await (const chunk of createReadStream(join(folder, name))) hash.update(chunk as Buffer);
    } catch (error) {
      // containerd collects its garbage when it likes: what is gone is not wrong.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      throw error;
    }
    assert.equal(hash.digest("hex"), name, `the file in ${folder} holds what its name says`);
  }
}
