import type { Kind } from "./kinds.ts";
import { fieldsOf, hasLabels, isFields, specOf, type Fields, type KubeObject } from "./object.ts";

// Of a StatefulSet everything else is as it was created.
const MUTABLE_STATEFUL = [
  "replicas",
  "template",
  "updateStrategy",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
  "ordinals",
  "revisionHistoryLimit",
];
const WORKLOADS = ["DaemonSet", "StatefulSet", "Deployment", "ReplicaSet"];
// What Kubernetes takes for a name of most objects (RFC 1123 subdomain); of roles more is allowed.
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Why the API server would not take a new object, as sentences. */
export function createProblems(kind: Kind, object: KubeObject): string[] {
  const { name } = object.metadata;
  const problems = NAME.test(name) || kind.group === "rbac.authorization.k8s.io" ? [] : [`metadata.name: Invalid value: "${name}"`];
  if (!WORKLOADS.includes(kind.kind)) return problems;
  const spec = specOf(object);
  const wanted = fieldsOf(fieldsOf(spec["selector"])["matchLabels"]);
  const labels = fieldsOf(fieldsOf(fieldsOf(spec["template"])["metadata"])["labels"]) as Record<string, string>;
  if (!hasLabels(labels, wanted))
    problems.push("spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`");
  return problems;
}

/** Why the API server would not take this in place of what is there: what cannot be changed once it is created. */
export function changeProblems(kind: Kind, old: KubeObject, changed: KubeObject): string[] {
  const [was, is] = [specOf(old), specOf(changed)];
  const fixed = (name: string, a: unknown, b: unknown): string[] => (same(a, b) ? [] : [`${name}: Invalid value: field is immutable`]);
  switch (kind.kind) {
    case "StatefulSet":
      return fixed(
        "spec (other than replicas, template, updateStrategy and few more)",
        without(was, MUTABLE_STATEFUL),
        without(is, MUTABLE_STATEFUL),
      );
    case "DaemonSet":
    case "Deployment":
      return fixed("spec.selector", was["selector"], is["selector"]);
    case "Job":
      return fixed("spec.template", was["template"], is["template"]);
    case "Service":
      return fixed("spec.clusterIP", was["clusterIP"], is["clusterIP"]);
    case "RoleBinding":
    case "ClusterRoleBinding":
      return fixed("roleRef", old["roleRef"], changed["roleRef"]);
    case "PriorityClass":
      return fixed("value", old["value"], changed["value"]);
    case "Secret":
      return fixed("type", old["type"], changed["type"]);
    default:
      return [];
  }
}

let serviceNumber = 0;

/** What the API server adds to a new object. */
export function withDefaults(kind: Kind, object: KubeObject): KubeObject {
  const spec = specOf(object);
  if (kind.kind === "Service" && spec["clusterIP"] === undefined) {
    serviceNumber += 1;
    return { ...object, spec: { type: "ClusterIP", ...spec, clusterIP: `10.96.0.${String((serviceNumber % 250) + 1)}` } };
  }
  if (kind.kind !== "Secret") return object;
  const { stringData, ...rest } = object;
  const plain = fieldsOf(stringData);
  const encoded = Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, Buffer.from(String(value)).toString("base64")]));
  return { ...rest, type: object["type"] ?? "Opaque", data: { ...fieldsOf(object["data"]), ...encoded } };
}

function without(spec: Fields, keys: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(spec).filter(([key]) => !keys.includes(key)));
}

/** Whether two values say the same, whatever the order of their keys. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
