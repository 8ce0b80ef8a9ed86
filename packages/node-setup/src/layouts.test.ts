import assert from "node:assert/strict";
import { test } from "node:test";
import { Applier, findContainerd, planRuntime, type ContainerdHints } from "@darner/node-setup";
import { noLeaks } from "@darner/testkit";
import { everythingIn, openNode, type Tree } from "../test/node-tree.ts";

noLeaks();

const V2 = (path: string): string => `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "${path}"\n`;
const V3 = (path: string): string => `version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '${path}'\n`;
const CERTS = "/etc/containerd/certs.d";
const BOTH = "/etc/containerd/certs.d:/etc/docker/certs.d";
const CONFIG = "/etc/containerd/config.toml";

type Layout = {
  readonly name: string;
  readonly tree: Tree;
  readonly hints?: ContainerdHints;
  readonly distribution: string;
  /** Where `_default/hosts.toml` comes; or what the problem says. */
  readonly writes?: string;
  readonly problem?: RegExp;
  readonly link?: string;
};

const LAYOUTS: readonly Layout[] = [
  {
    name: "k3s",
    tree: { "/var/lib/rancher/k3s/agent/etc/containerd/config.toml": V2("x") },
    distribution: "k3s",
    writes: "/var/lib/rancher/k3s/agent/etc/containerd/certs.d",
  },
  {
    name: "k3s whose certs.d is made",
    tree: { "/var/lib/rancher/k3s/agent/etc/containerd/certs.d/": "" },
    distribution: "k3s",
    writes: "/var/lib/rancher/k3s/agent/etc/containerd/certs.d",
  },
  {
    name: "RKE2",
    tree: { "/var/lib/rancher/rke2/agent/etc/containerd/": "" },
    distribution: "rke2",
    writes: "/var/lib/rancher/rke2/agent/etc/containerd/certs.d",
  },
  {
    name: "MicroK8s",
    tree: { "/var/snap/microk8s/current/args/containerd-template.toml": "" },
    distribution: "MicroK8s",
    writes: "/var/snap/microk8s/current/args/certs.d",
  },
  {
    name: "Canonical Kubernetes as a snap",
    tree: { "/var/snap/k8s/common/etc/containerd/": "" },
    distribution: "Canonical Kubernetes",
    writes: "/var/snap/k8s/common/etc/containerd/hosts.d",
  },
  { name: "Talos", tree: { "/etc/cri/conf.d/hosts/": "" }, distribution: "Talos", writes: "/etc/cri/conf.d/hosts" },
  {
    name: "Bottlerocket",
    tree: { "/etc/os-release": 'NAME=Bottlerocket\nID=bottlerocket\nVERSION_ID="1.56"\n' },
    distribution: "Bottlerocket",
    problem: /settings\.container-registry\.mirrors/,
  },
  {
    name: "GKE",
    tree: { "/etc/containerd/hosts.d/docker.io/hosts.toml": "", [CONFIG]: V3("/etc/containerd/hosts.d") },
    distribution: "GKE",
    problem: /containerdConfig\.registryHosts/,
  },
  { name: "EKS on AL2023: two directories", tree: { "/etc/eks/": "", [CONFIG]: V3(BOTH) }, distribution: "EKS", writes: CERTS, link: BOTH },
  { name: "EKS known by nodeadm", tree: { "/usr/bin/nodeadm": "", [CONFIG]: V2(BOTH) }, distribution: "EKS", writes: CERTS, link: BOTH },
  { name: "AKS", tree: { [CONFIG]: V2(CERTS), "/etc/containerd/certs.d/": "" }, distribution: "containerd", writes: CERTS },
  {
    name: "kind: nothing configured, containerd 2.3",
    tree: { [CONFIG]: "version = 3\n" },
    hints: { version: "v2.3.4" },
    distribution: "containerd",
    writes: CERTS,
    link: BOTH,
  },
  { name: "kind with a patch", tree: { [CONFIG]: V2(CERTS) }, distribution: "containerd", writes: CERTS },
  {
    name: "minikube",
    tree: { [CONFIG]: V2(CERTS), "/etc/containerd/certs.d/docker.io/hosts.toml": 'server = "https://registry-1.docker.io"\n' },
    distribution: "containerd",
    writes: CERTS,
  },
  {
    name: "kubeadm on Debian 12: nothing configured",
    tree: { [CONFIG]: 'version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\n  bin_dir = "/usr/lib/cni"\n' },
    hints: { version: "1.6.20" },
    distribution: "containerd",
    problem: /config_path = "\/etc\/containerd\/certs\.d"/,
  },
  {
    name: "Debian without a configuration file",
    tree: { "/etc/containerd/": "" },
    distribution: "containerd",
    problem: /version = 2\n\[plugins\."io\.containerd\.grpc\.v1\.cri"\.registry\]/,
  },
  { name: "no file and containerd 2.2", tree: {}, hints: { version: "2.2.0" }, distribution: "containerd", writes: CERTS, link: BOTH },
  {
    name: "an empty config_path and containerd 2.1",
    tree: { [CONFIG]: V3("") },
    hints: { version: "2.1.9" },
    distribution: "containerd",
    problem: /io\.containerd\.cri\.v1\.images/,
  },
  {
    name: "a version that reads no hosts.toml",
    tree: { [CONFIG]: V2(CERTS) },
    hints: { version: "1.4.13" },
    distribution: "containerd",
    problem: /containerd 1\.4\.13 reads no hosts\.toml .*upgrade it/,
  },
  {
    name: "a version that is none, with a directory",
    tree: { [CONFIG]: V2(CERTS) },
    hints: { version: "dev" },
    distribution: "containerd",
    writes: CERTS,
  },
  {
    name: "version 1 of the configuration",
    tree: { [CONFIG]: '[plugins.cri.registry]\n  config_path = "/opt/certs"\n' },
    distribution: "containerd",
    writes: "/opt/certs",
  },
  {
    name: "version 4 of the configuration",
    tree: { [CONFIG]: V3("/opt/certs").replace("version = 3", "version = 4") },
    distribution: "containerd",
    writes: "/opt/certs",
  },
  {
    name: "config_path in an imported file",
    tree: {
      [CONFIG]: 'version = 2\nimports = ["/etc/containerd/conf.d/*.toml"]\n',
      "/etc/containerd/conf.d/10-mirror.toml": V2("/opt/imported"),
    },
    distribution: "containerd",
    writes: "/opt/imported",
  },
  {
    name: "config_path in a file imported by a relative path",
    tree: { [CONFIG]: 'version = 2\nimports = ["extra.toml"]\n', "/etc/containerd/extra.toml": V2("/opt/relative") },
    distribution: "containerd",
    writes: "/opt/relative",
  },
  {
    name: "mirrors in the old form",
    tree: { [CONFIG]: 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\n  endpoint = ["https://m"]\n' },
    distribution: "containerd",
    problem: /old form/,
  },
  { name: "a configuration that is no TOML", tree: { [CONFIG]: "version = \n" }, distribution: "containerd", problem: /line 1.*mend it/ },
  { name: "k0s with a drop-in", tree: { "/etc/k0s/containerd.d/cri.toml": V2(CERTS) }, distribution: "k0s", writes: CERTS },
  { name: "k0s without", tree: { "/etc/k0s/k0s.yaml": "" }, distribution: "k0s", problem: /\/etc\/k0s\/containerd\.d\/darner\.toml/ },
  {
    name: "a directory that somebody names",
    tree: { [CONFIG]: "version = 2\n" },
    hints: { directory: "/srv/hosts" },
    distribution: "containerd",
    writes: "/srv/hosts",
  },
  {
    name: "another directory than Bottlerocket's",
    tree: { "/etc/os-release": "ID=bottlerocket\n" },
    hints: { directory: "/local/hosts" },
    distribution: "Bottlerocket",
    writes: "/local/hosts",
  },
];

const WISH = { mirror: "127.0.0.1:4101", resolveTags: true, registries: ["docker.io"], exclude: [] };

for (const { name, tree, hints = {}, distribution, writes, problem, link } of LAYOUTS) {
  test(`containerd of ${name}: found, told of the mirror, and left as it was`, async () => {
    await using node = await openNode(tree);
    const layout = await findContainerd(node.files, hints);
    assert.equal(layout.distribution, distribution);
    const before = await everythingIn(node.root);
    const plan = await planRuntime(node.files, "containerd", WISH, hints);
    const applier = new Applier(node.files, "/var/lib/darner/node-setup", "containerd");
    await applier.apply(plan.changes);
    const after = await everythingIn(node.root);
    if (problem !== undefined) {
      assert.match(plan.problems.join("\n"), problem);
      assert.deepEqual(after, before, "nothing is touched");
      return;
    }
    assert.deepEqual(plan.problems, []);
    const told = Object.keys(after).filter((path) => after[path]?.includes('[host."http://127.0.0.1:4101"]') === true);
    assert.ok(told.includes(`${writes ?? ""}/_default/hosts.toml`), told.join());
    for (const path of Object.keys(tree).filter((file) => file.endsWith("hosts.toml")))
      assert.ok(told.includes(path), `${path} names it too`);
    assert.equal(link === undefined ? undefined : after[link], link === undefined ? undefined : `-> ${CERTS}`);
    assert.deepEqual((await planRuntime(node.files, "containerd", WISH, hints)).changes, [], "done twice is done once");
    assert.deepEqual((await applier.undo()).left, []);
    assert.deepEqual(withoutState(await everythingIn(node.root)), withoutState(before));
  });
}

/** The directory of the ledger stays: it is Darner's own. */
function withoutState(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tree).filter(([path]) => !path.startsWith("/var/lib/darner") && !["/var", "/var/lib"].includes(path)),
  );
}
