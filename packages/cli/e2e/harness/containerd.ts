import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NetworkHost } from "./network.ts";
import { Running } from "./running.ts";
import { run, until, type Outcome } from "./shell.ts";

/** A real containerd with a root of its own, told to ask the mirror first for every registry; in one namespace, or in that of the test. */
export class Containerd implements AsyncDisposable {
  readonly #dir: string;
  readonly #place: { readonly namespace?: string };
  #process: Running;

  private constructor(host: NetworkHost | undefined, dir: string) {
    this.#place = host === undefined ? {} : { namespace: host.namespace };
    this.#dir = dir;
    this.#process = this.#start();
  }

  /** `extra` are further lines of its configuration. */
  static async open(host: NetworkHost | undefined, dir: string, mirror: string, extra: readonly string[] = []): Promise<Containerd> {
    mkdirSync(join(dir, "certs.d", "_default"), { recursive: true });
    writeFileSync(join(dir, "config.toml"), [configText(dir), ...extra, ""].join("\n"));
    writeFileSync(join(dir, "certs.d", "_default", "hosts.toml"), `[host."http://${mirror}"]\n  capabilities = ["pull", "resolve"]\n`);
    const containerd = new Containerd(host, dir);
    await containerd.#ready();
    return containerd;
  }

  /** Pulls an image's content through hosts.toml, as CRI does; the digests are checked by containerd itself. `user` is `name:password`. */
  fetch(image: string, user?: string): Promise<Outcome> {
    const credential = user === undefined ? [] : ["--user", user];
    return this.ctr(["content", "fetch", "--plain-http", "--hosts-dir", join(this.#dir, "certs.d"), ...credential, image]);
  }

  /** The command that `fetch` runs; `straight`: past the mirror. */
  fetchCommand(image: string, straight: boolean): string[] {
    const hosts = straight ? [] : ["--hosts-dir", join(this.#dir, "certs.d")];
    return this.#command(["content", "fetch", "--plain-http", ...hosts, image]);
  }

  get pid(): number {
    return this.#process.pid;
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

  /** The folder of the blobs it has committed, each named by its digest. */
  get blobs(): string {
    return join(this.#store, "blobs", "sha256");
  }

  /** The bytes of one blob, hashed by another program than the one that wrote them. */
  async sha256(digest: string): Promise<string> {
    const { stdout } = await run(["sha256sum", join(this.blobs, digest.slice("sha256:".length))]);
    return `sha256:${stdout.split(" ")[0] ?? ""}`;
  }

  /** Forgets an image and everything of it. */
  async remove(image: string): Promise<void> {
    await this.ctr(["images", "rm", "--sync", image]);
    for (const digest of (await this.content()).keys()) await this.ctr(["content", "rm", digest]);
  }

  /** Takes away what it began and did not commit, which it does by itself only after a day. */
  async forgetIngests(): Promise<void> {
    await this.#process.stop();
    rmSync(join(this.#store, "ingest"), { recursive: true, force: true });
    this.#process = this.#start();
    await this.#ready();
  }

  ctr(args: readonly string[]): Promise<Outcome> {
    return run(this.#command(args), { ...this.#place, timeoutMs: 120_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  #command(args: readonly string[]): string[] {
    return ["ctr", "--address", join(this.#dir, "containerd.sock"), "--namespace", "test", ...args];
  }

  get #store(): string {
    return join(this.#dir, "root", "io.containerd.content.v1.content");
  }

  #start(): Running {
    return new Running({
      name: "containerd",
      command: ["containerd", "--config", join(this.#dir, "config.toml")],
      logFile: join(this.#dir, "containerd.log"),
      ...this.#place,
    });
  }

  async #ready(): Promise<void> {
    await until("containerd to answer", async () => ((await this.ctr(["version"])).ok ? true : undefined));
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
