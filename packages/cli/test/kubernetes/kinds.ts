/** A kind of object that the API server stand-in keeps. */
export type Kind = {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Where its typed model is. */
  readonly models: Models;
};

/** The front door of a package of typed models, and what the names of its schemas begin with. */
export type Models = { readonly door: string; readonly prefix: string };

const BUILT_IN = import.meta.resolve("kubernetes-models");
const OPERATOR = {
  door: import.meta.resolve("@kubernetes-models/prometheus-operator"),
  prefix: "ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoring",
};
const GATEWAY = { door: import.meta.resolve("@kubernetes-models/gateway-api"), prefix: "IoK8sSigsGatewayApiApis" };

/** What a cluster knows, with the custom resources of a monitoring operator and of a gateway. Plurals are the API's own. */
export const KINDS: readonly Kind[] = [
  ...kinds("", "v1", true, ["Pod", "Service", "ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim", "ResourceQuota", "Event"]),
  ...kinds("", "v1", true, ["Endpoints"]),
  ...kinds("", "v1", false, ["Namespace", "Node", "PersistentVolume"]),
  ...kinds("apps", "v1", true, ["DaemonSet", "StatefulSet", "Deployment", "ReplicaSet", "ControllerRevision"]),
  ...kinds("batch", "v1", true, ["Job", "CronJob"]),
  ...kinds("rbac.authorization.k8s.io", "v1", true, ["Role", "RoleBinding"]),
  ...kinds("rbac.authorization.k8s.io", "v1", false, ["ClusterRole", "ClusterRoleBinding"]),
  ...kinds("policy", "v1", true, ["PodDisruptionBudget"]),
  ...kinds("networking.k8s.io", "v1", true, ["NetworkPolicy", "Ingress"]),
  ...kinds("scheduling.k8s.io", "v1", false, ["PriorityClass"]),
  ...kinds("coordination.k8s.io", "v1", true, ["Lease"]),
  ...kinds("discovery.k8s.io", "v1", true, ["EndpointSlice"]),
  ...kinds("admissionregistration.k8s.io", "v1", false, ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]),
  ...kinds("monitoring.coreos.com", "v1", true, ["PodMonitor", "ServiceMonitor", "PrometheusRule"], OPERATOR),
  ...kinds("gateway.networking.k8s.io", "v1", true, ["HTTPRoute", "GRPCRoute"], GATEWAY),
];

function kinds(group: string, version: string, namespaced: boolean, names: readonly string[], models = builtIn(group)): Kind[] {
  return names.map((kind) => ({ group, version, kind, plural: pluralOf(kind), namespaced, models }));
}

function builtIn(group: string): Models {
  const [name = ""] = group.split(".");
  return { door: BUILT_IN, prefix: `IoK8sApi${group === "" ? "Core" : capital(name)}` };
}

/** A word with its first letter large. */
export function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

function pluralOf(kind: string): string {
  const word = kind.toLowerCase();
  if (word === "endpoints") return word;
  if (/(?:s|x|ch|sh)$/.test(word)) return `${word}es`;
  return word.endsWith("y") && !word.endsWith("ey") ? `${word.slice(0, -1)}ies` : `${word}s`;
}

/** `v1`, or `group/version`. */
export function apiVersionOf({ group, version }: Kind): string {
  return group === "" ? version : `${group}/${version}`;
}

/** The kind of an object that says what it is. */
export function kindNamed(apiVersion: string, name: string): Kind | undefined {
  return KINDS.find((kind) => apiVersionOf(kind) === apiVersion && kind.kind === name);
}
