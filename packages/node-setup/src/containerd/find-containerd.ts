import type { NodeFiles } from "../node-files.ts";
import { configPathLines, readConfigPath, type ConfigPath } from "./config-path.ts";

/** Where a node's containerd looks for `hosts.toml`, as far as it looks anywhere. */
export type ContainerdLayout = {
  /** What kind of node it is, for people: `k3s`, `EKS`, `containerd` where nothing special is known. */
  readonly distribution: string;
  /** The directory to write; absent where there is none to write. */
  readonly directory?: string;
  /**
   * The whole text of a `config_path` that lists several directories. containerd 2.1 and later take it for one directory when they pull
   * through the transfer service, so that nothing in the list is read unless a directory of that very name is there.
   */
  readonly list?: string;
  /** Where its socket is by default. */
  readonly socket: string;
  /** Why the mirror cannot be told of, and what to do. */
  readonly problem?: string;
};

/** What somebody knows better than can be seen on the disk. */
export type ContainerdHints = {
  /** The directory to write, whatever the configuration says. */
  readonly directory?: string;
  /** containerd's version, where it was asked: from 2.2 on it has a directory without being told. */
  readonly version?: string;
};

type Distribution = { readonly name: string; readonly sign: string; readonly directory: string; readonly socket: string };

const SOCKET = "/run/containerd/containerd.sock";
const DIRECTORY = "/etc/containerd/certs.d";
const CONFIG = "/etc/containerd/config.toml";
// What containerd 2.2 and later look into when nothing is configured.
const DEFAULT_LIST = "/etc/containerd/certs.d:/etc/docker/certs.d";

// Distributions that bring their own containerd, with its directory set: the sign is a directory that only they have.
const DISTRIBUTIONS: readonly Distribution[] = [
  rancher("k3s"),
  rancher("rke2"),
  {
    name: "MicroK8s",
    sign: "/var/snap/microk8s/current/args",
    directory: "/var/snap/microk8s/current/args/certs.d",
    socket: "/var/snap/microk8s/common/run/containerd.sock",
  },
  {
    name: "Canonical Kubernetes",
    sign: "/var/snap/k8s/common/etc/containerd",
    directory: "/var/snap/k8s/common/etc/containerd/hosts.d",
    socket: "/var/snap/k8s/common/run/containerd.sock",
  },
  { name: "Talos", sign: "/etc/cri/conf.d", directory: "/etc/cri/conf.d/hosts", socket: "/run/containerd/containerd.sock" },
];

/** Finds out what kind of node this is and where its containerd looks (research: the table of distributions). */
export async function findContainerd(files: NodeFiles, hints: ContainerdHints = {}): Promise<ContainerdLayout> {
  const known = await knownDistribution(files);
  const found = known ?? (await configured(files, hints));
  if (isTooOld(hints.version)) return { distribution: found.distribution, socket: found.socket, problem: tooOld(hints.version) };
  if (hints.directory === undefined) return found;
  const { problem: _problem, list: _list, ...rest } = found;
  return { ...rest, directory: hints.directory };
}

async function knownDistribution(files: NodeFiles): Promise<ContainerdLayout | undefined> {
  for (const { name, sign, directory, socket } of DISTRIBUTIONS) {
    if (await files.isDirectory(sign)) return { distribution: name, directory, socket };
  }
  const release = (await files.text("/etc/os-release")) ?? "";
  if (/^ID="?bottlerocket"?$/m.test(release)) {
    const problem =
      "Bottlerocket keeps registries in its own settings and its files cannot be written: set settings.container-registry.mirrors " +
      "in the user data, and run without node set-up (nodeSetup.mode: none)";
    return { distribution: "Bottlerocket", socket: SOCKET, problem };
  }
  if (await files.isDirectory("/etc/containerd/hosts.d")) return gke();
  return undefined;
}

/** Google writes hosts.d itself, from the node pool's configuration, and makes the node anew when that changes. */
function gke(): ContainerdLayout {
  const problem =
    "GKE writes /etc/containerd/hosts.d itself: name the mirror in the node pool's containerdConfig.registryHosts " +
    "(at most 25 servers, no wildcard), and run without node set-up (nodeSetup.mode: none)";
  return { distribution: "GKE", socket: SOCKET, problem };
}

async function configured(files: NodeFiles, hints: ContainerdHints): Promise<ContainerdLayout> {
  const k0s = (await files.isDirectory("/etc/k0s")) || (await files.exists("/run/k0s/containerd.sock"));
  const base = k0s
    ? {
        distribution: "k0s",
        socket: "/run/k0s/containerd.sock",
        config: "/etc/k0s/containerd.toml",
        dropIn: "/etc/k0s/containerd.d/darner.toml",
      }
    : { distribution: (await isEks(files)) ? "EKS" : "containerd", socket: SOCKET, config: CONFIG, dropIn: CONFIG };
  const { distribution, socket } = base;
  const told = k0s ? await readK0s(files) : await readConfigPath(files, base.config);
  const list = told.kind === "set" ? told.path : told.kind === "no-file" || told.kind === "unset" ? defaultList(hints.version) : undefined;
  if (list !== undefined) return { distribution, socket, ...fromList(list) };
  return { distribution, socket, problem: problemOf(told, base.dropIn) };
}

/** k0s imports every file of a directory into the configuration it makes itself. */
async function readK0s(files: NodeFiles): Promise<ConfigPath> {
  for (const name of await files.names("/etc/k0s/containerd.d")) {
    const told = await readConfigPath(files, `/etc/k0s/containerd.d/${name}`);
    if (told.kind !== "unset") return told;
  }
  const own = await readConfigPath(files, "/etc/k0s/containerd.toml");
  return own.kind === "no-file" ? { kind: "unset", version: 2, file: "/etc/k0s/containerd.toml" } : own;
}

async function isEks(files: NodeFiles): Promise<boolean> {
  return (await files.isDirectory("/etc/eks")) || (await files.exists("/usr/bin/nodeadm"));
}

function fromList(list: string): Pick<ContainerdLayout, "directory" | "list"> {
  const [directory = DIRECTORY, ...others] = list.split(":").filter((part) => part !== "");
  return others.length === 0 ? { directory } : { directory, list };
}

/** `hosts.toml` is read from containerd 1.5 on. A version that is none says nothing. */
function isTooOld(version: string | undefined): version is string {
  const [, major = 1, minor = 5] = (/^v?([0-9]+)\.([0-9]+)/.exec(version ?? "") ?? []).map(Number);
  return major === 0 || (major === 1 && minor < 5);
}

function tooOld(version: string): string {
  return `containerd ${version} reads no hosts.toml (1.5 and later do): upgrade it on this node; until then the node pulls from the registries`;
}

function defaultList(version: string | undefined): string | undefined {
  const [major = 0, minor = 0] = (version ?? "").replace(/^v/, "").split(".").map(Number);
  return major > 2 || (major === 2 && minor >= 2) ? DEFAULT_LIST : undefined;
}

function problemOf(told: ConfigPath, dropIn: string): string {
  const lines = (version: number): string => configPathLines(version, DIRECTORY).trimEnd();
  switch (told.kind) {
    case "broken":
      return `${told.file}: ${told.problem}; containerd itself would not start with it: mend it`;
    case "legacy-mirrors":
      return (
        `${told.file} names mirrors in the old form (registry.mirrors), beside which containerd takes no config_path: ` +
        `write them as ${DIRECTORY}/<registry>/hosts.toml, then put this in their place and restart containerd once:\n${lines(2)}`
      );
    case "no-file":
      return `containerd is told of no directory for hosts.toml: put this into ${dropIn} and restart containerd once:\nversion = 2\n${lines(2)}`;
    case "unset":
      return `containerd is told of no directory for hosts.toml: put this into ${dropIn} and restart containerd once:\n${lines(told.version)}`;
    case "set":
      return "";
  }
}

function rancher(name: "k3s" | "rke2"): Distribution {
  const sign = `/var/lib/rancher/${name}/agent/etc/containerd`;
  return { name, sign, directory: `${sign}/certs.d`, socket: "/run/k3s/containerd/containerd.sock" };
}
