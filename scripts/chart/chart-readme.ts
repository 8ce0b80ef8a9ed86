import type { ValueKey } from "./values-tree.ts";

const HEAD = `# darner

Peer-to-peer distribution of container images inside a cluster: one scheduler, a daemon on every node, no database. Kubernetes 1.29 or newer.

    helm install darner oci://ghcr.io/darner/charts/darner --namespace darner-system --create-namespace
    kubectl label namespace darner-system pod-security.kubernetes.io/enforce=privileged

The next pod's image comes through it: each node's runtime is told of the mirror on 127.0.0.1 while the daemon there serves, and pulls from
the registries as before whenever it does not. \`helm uninstall\` puts every node's files back and removes what was kept.

On distributions that keep their runtime's configuration elsewhere, say which it is: \`--set profile=k3s\` (also rke2, k0s, microk8s, canonical,
talos, eks, aks, kind, minikube, kubeadm, crio, docker, gke, bottlerocket, openshift). Value files for them are in \`ci/\` of the source.

## Values

Generated from \`values.yaml\` by \`scripts/generate-chart.ts\`. The keys of \`config\` are those of the configuration (docs/config.md), without
those that the chart sets itself (dataDir, name, listen, advertise, seed, zoneFile, join, api.tokenFile, api.tls); a wrong one fails when the
chart is rendered.

| key | default | what it is |
| --- | --- | --- |
`;

/** The chart's README: how to install it, and every value. */
export function chartReadme(keys: readonly ValueKey[]): string {
  return `${HEAD}${keys.flatMap(rows).join("\n")}\n`;
}

function rows(key: ValueKey): string[] {
  if (key.below.length > 0) {
    const own = key.comment === "" ? [] : [`| \`${key.path}\` | | ${cell(key.comment)} |`];
    return [...own, ...key.below.flatMap(rows)];
  }
  return [`| \`${key.path}\` | \`${cell(JSON.stringify(key.value))}\` | ${cell(key.comment)} |`];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
