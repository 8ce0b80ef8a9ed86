import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NetworkHost } from "./network.ts";
import { Running } from "./running.ts";
import { run, until, type Outcome } from "./shell.ts";

/** A real containerd with a root of its own in one namespace, told to ask the mirror first for every registry. */
export class Containerd implements AsyncDisposable {
  readonly #dir: string;
  readonly #host: NetworkHost;
  readonly #process: Running;

  private constructor(host: NetworkHost, dir: string) {
    this.#host = host;
    this.#dir = dir;
    this.#process = new Running({
      name: "containerd",
      command: ["containerd", "--config", join(dir, "config.toml")],
      logFile: join(dir, "containerd.log"),
      namespace: host.namespace,
    });
  }

  static async open(host: NetworkHost, dir: string, mirror: string): Promise<Containerd> {
    mkdirSync(join(dir, "certs.d", "_default"), { recursive: true });
    writeFileSync(join(dir, "config.toml"), configText(dir));
    writeFileSync(join(dir, "certs.d", "_default", "hosts.toml"), `[host."http://${mirror}"]\n  capabilities = ["pull", "resolve"]\n`);
    const containerd = new Containerd(host, dir);
    await until("containerd to answer", async () => ((await containerd.ctr(["version"])).ok ? true : undefined));
    return containerd;
  }

  /** Pulls an image's content through hosts.toml, as CRI does; the digests are checked by containerd itself. */
  fetch(image: string): Promise<Outcome> {
    return this.ctr(["content", "fetch", "--plain-http", "--hosts-dir", join(this.#dir, "certs.d"), image]);
  }

  /** Digests and sizes of what the content store holds. */
  async content(): Promise<Map<string, number>> {
    const { stdout } = await this.ctr(["content", "ls"]);
    const rows = stdout.split("\n").slice(1);
    return new Map(
      rows.flatMap((row) => {
        const [digest, size] = row.split("\t");
        return digest?.startsWith("sha256:") === true ? [[digest, sizeIn(size ?? "")] as const] : [];
      }),
    );
  }

  /** The bytes of one blob, hashed by another program than the one that wrote them. */
  async sha256(digest: string): Promise<string> {
    const path = join(this.#dir, "root", "io.containerd.content.v1.content", "blobs", "sha256", digest.slice("sha256:".length));
    const { stdout } = await run(["sha256sum", path]);
    return `sha256:${stdout.split(" ")[0] ?? ""}`;
  }

  /** Forgets an image and everything of it. */
  async remove(image: string): Promise<void> {
    await this.ctr(["images", "rm", "--sync", image]);
    for (const digest of (await this.content()).keys()) await this.ctr(["content", "rm", digest]);
  }

  ctr(args: readonly string[]): Promise<Outcome> {
    return run(["ctr", "--address", join(this.#dir, "containerd.sock"), "--namespace", "test", ...args], { namespace: this.#host.namespace, timeoutMs: 120_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

/** `ctr` writes sizes for people; only presence is asserted by it, so the number is as near as its text. */
function sizeIn(text: string): number {
  const match = /^([0-9.]+)\s?([KMG]i?B|B)$/i.exec(text.trim());
  const unit = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 }[(match?.[2] ?? "b").toLowerCase()] ?? 1;
  return Number(match?.[1] ?? 0) * unit;
}

function configText(dir: string): string {
  return [
    "version = 2",
    `root = "${join(dir, "root")}"`,
    `state = "${join(dir, "state")}"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]',
    "[grpc]",
    `  address = "${join(dir, "containerd.sock")}"`,
    "[ttrpc]",
    `  address = "${join(dir, "ttrpc.sock")}"`,
    "[debug]",
    `  address = "${join(dir, "debug.sock")}"`,
    "",
  ].join("\n");
}
