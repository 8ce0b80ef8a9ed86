import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openCri } from "@darner/node-setup";
import type { NetworkHost } from "../harness/network.ts";
import { Running } from "../harness/running.ts";
import { must, until } from "../harness/shell.ts";
import { containerCommand } from "./container-root.ts";

/** A containerd to be run: where its programs are. */
export type ContainerdRelease = { readonly version: string; readonly programs: string };

// A pull behind a slow link while two dozen processes share two cores.
const PULL_MS = 90_000;

// Several of them start at once on two busy cores.
const START_MS = 120_000;

/** A node's real containerd: it sees the node's file system as its own, with its configuration where every installation has it. */
export class NodeRuntime implements AsyncDisposable {
  readonly release: ContainerdRelease;
  readonly #socket: string;
  readonly #process: Running;

  private constructor(release: ContainerdRelease, socket: string, started: Running) {
    this.release = release;
    this.#socket = socket;
    this.#process = started;
  }

  /** Starts it on a node's file system; `hostsFile` are the names it resolves. */
  static async open(host: NetworkHost, root: string, release: ContainerdRelease, hostsFile: string): Promise<NodeRuntime> {
    const dir = join(root, "..", "runtime");
    mkdirSync(dir, { recursive: true });
    for (const name of ["etc/containerd", "var/lib/containerd", "run/containerd", "tmp"]) mkdirSync(join(root, name), { recursive: true });
    const command = containerCommand({
      dir,
      namespace: host.namespace,
      image: [{ source: release.programs, path: "/opt/containerd", readOnly: true, isFile: false }],
      binds: ["etc/containerd", "var/lib/containerd", "run/containerd", "tmp"].map((path) => ({
        source: join(root, path),
        path: `/${path}`,
        readOnly: false,
        isFile: false,
      })),
      command: ["/opt/containerd/containerd", "--config", "/etc/containerd/config.toml"],
      env: { PATH: "/opt/containerd:/usr/sbin:/usr/bin:/sbin:/bin" },
      user: 0,
      group: 0,
      groups: [],
      capabilities: undefined,
      readOnlyRoot: false,
      workDir: "/",
      hostsFile,
    });
    const socket = join(root, "run", "containerd", "containerd.sock");
    const started = new Running({ name: `containerd ${release.version}`, command, logFile: join(dir, "containerd.log") });
    const runtime = new NodeRuntime(release, socket, started);
    await until(
      `containerd ${release.version} to answer (${started.logFile})`,
      async () => {
        if (!started.alive) throw new Error(`containerd ended: ${started.log()}`);
        return (await runtime.version()) === undefined ? undefined : true;
      },
      START_MS,
    );
    return runtime;
  }

  async version(): Promise<string | undefined> {
    using cri = openCri(this.#socket);
    return (await cri.version())?.version;
  }

  /** Pulls as the kubelet does, over CRI. */
  async pull(image: string): Promise<"pulled" | "refused" | "unreachable"> {
    using cri = openCri(this.#socket, { pullMs: PULL_MS });
    return await cri.pull(image);
  }

  /** Forgets an image and what it alone held. */
  async remove(image: string): Promise<void> {
    await must([join(this.release.programs, "ctr"), "--address", this.#socket, "-n", "k8s.io", "images", "rm", "--sync", image]);
  }

  log(): string {
    return this.#process.log();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

// containerd 2 unpacks with overlayfs unless it is told otherwise, and a file system in a file system cannot.
const UNPACK = [
  '[[plugins."io.containerd.transfer.v1.local".unpack_config]]',
  '  differ = "walking"',
  `  platform = "linux/${process.arch === "x64" ? "amd64" : process.arch}"`,
  '  snapshotter = "native"',
];

/** The configuration of a node as its administrator wrote it: a directory of hosts.toml files, and a registry of their own. */
export function writeNodeFiles(root: string, { version, registry }: { readonly version: string; readonly registry: string }): void {
  const etc = join(root, "etc", "containerd");
  mkdirSync(join(etc, "certs.d", registry), { recursive: true });
  const plugin = version.startsWith("1.") ? "io.containerd.grpc.v1.cri" : "io.containerd.cri.v1.images";
  const off = ["aufs", "btrfs", "zfs", "devmapper", "blockfile", "erofs"].map((name) => `"io.containerd.snapshotter.v1.${name}"`);
  const native = version.startsWith("1.")
    ? [`[plugins."${plugin}".containerd]`, '  snapshotter = "native"']
    : [`[plugins."${plugin}"]`, '  snapshotter = "native"'];
  const lines = [
    "# written by the administrator of this node",
    `version = ${version.startsWith("1.") ? "2" : "3"}`,
    `disabled_plugins = [${off.join(", ")}]`,
    ...native,
    `[plugins."${plugin}".registry]`,
    '  config_path = "/etc/containerd/certs.d"',
    ...(version.startsWith("1.") ? [] : UNPACK),
    "",
  ];
  writeFileSync(join(etc, "config.toml"), lines.join("\n"));
  writeFileSync(
    join(etc, "certs.d", registry, "hosts.toml"),
    `# our own registry\nserver = "http://${registry}"\n\n[host."http://${registry}"]\n  capabilities = ["pull", "resolve"] # no push from nodes\n`,
  );
}
