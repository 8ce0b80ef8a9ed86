import { configJsonSchema, type JsonSchema } from "@darner/runtime";
import type { ValueKey } from "./values-tree.ts";

const text = { type: "string" };
const port = { type: "integer", minimum: 1, maximum: 65_535 };
const seconds = { type: "integer", minimum: 1 };
const objects = { type: "array", items: { type: "object" } };
const texts = { type: "array", items: { type: "string", minLength: 1 } };
const secretName = { type: "string", pattern: "^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$", maxLength: 253 };
const quantity = { type: "string", pattern: "^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$" };
const amounts = {
  type: "object",
  additionalProperties: { anyOf: [{ type: "number", minimum: 0 }, quantity] },
};
const resources = {
  type: "object",
  properties: { requests: amounts, limits: amounts, claims: objects },
  additionalProperties: false,
};
const absolute = { type: "string", pattern: "^(/[A-Za-z0-9._:-]+)+$" };
const duration = { type: "string", pattern: "^([0-9]+(ms|s|m|h))+$" };
const labels = { type: "object", additionalProperties: { type: "string" } };

/** What an example does not tell of a key, by its last words; the longest that fits counts. */
const KNOWN: Readonly<Record<string, JsonSchema>> = {
  nameOverride: { type: "string", maxLength: 40 },
  fullnameOverride: { type: "string", maxLength: 40 },
  commonLabels: labels,
  commonAnnotations: labels,
  labels,
  podLabels: labels,
  annotations: labels,
  podAnnotations: labels,
  nodeSelector: labels,
  "zone.labels": texts,
  "image.repository": { type: "string", minLength: 1 },
  "image.tag": { type: "string", pattern: "^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$", not: { const: "latest" } },
  "image.digest": { type: "string", pattern: "^(sha256:[0-9a-f]{64})?$" },
  "image.pullPolicy": { enum: ["Always", "IfNotPresent", "Never"] },
  "image.pullSecrets": { type: "array", items: { ...secretName, minLength: 1 } },
  profile: text,
  ipFamily: { enum: ["ipv4", "ipv6"] },
  existingSecret: secretName,
  tlsSecret: secretName,
  caSecret: secretName,
  registryCredentials: { type: "array", items: { ...secretName, minLength: 1, maxLength: 50 }, uniqueItems: true },
  "ports.mirror": port,
  "ports.pieces": port,
  "ports.p2p": port,
  "ports.admin": port,
  "ports.metrics": port,
  "ports.grpc": port,
  "ports.http": port,
  "cache.hostPath": { ...absolute, pattern: "^(/[A-Za-z0-9._-]+){3,}$" },
  "nodeSetup.statePath": { ...absolute, pattern: "^(/[A-Za-z0-9._-]+){3,}$" },
  "nodeSetup.mode": { enum: ["lease", "none"] },
  "nodeSetup.runtime": { enum: ["", "containerd", "crio", "docker", "podman"] },
  "nodeSetup.configDir": { type: "string", pattern: "^((/[A-Za-z0-9._:-]+)+)?$" },
  "nodeSetup.paths": {
    type: "array",
    items: {
      type: "object",
      properties: { path: absolute, type: { enum: ["Directory", "DirectoryOrCreate"] }, readOnly: { type: "boolean" } },
      required: ["path"],
      additionalProperties: false,
    },
  },
  exclude: texts,
  registries: texts,
  user: { type: "integer", minimum: 1 },
  group: { type: "integer", minimum: 1 },
  replicas: { type: "integer", minimum: 1, maximum: 5 },
  "seed.replicas": { type: "integer", minimum: 1 },
  resources,
  size: quantity,
  updateStrategy: { type: "object" },
  affinity: { type: "object" },
  seLinuxOptions: { type: "object" },
  tolerations: objects,
  topologySpreadConstraints: objects,
  extraEnv: objects,
  extraVolumes: objects,
  extraVolumeMounts: objects,
  parentRefs: objects,
  apiFrom: objects,
  metricsFrom: objects,
  hostnames: texts,
  terminationGracePeriodSeconds: { type: "integer", minimum: 10 },
  timeoutSeconds: seconds,
  "nodeReadiness.taint": { type: "string", pattern: "^([a-z0-9.-]+/)?[A-Za-z0-9._-]+$" },
  "priorityQuota.pods": { type: "string", pattern: "^[0-9]+k?$" },
  "service.type": { enum: ["ClusterIP", "NodePort", "LoadBalancer"] },
  path: { type: "string", pattern: "^/" },
  "harbor.register.url": { type: "string", pattern: "^(https?://[^\\s?#]+)?$" },
  "harbor.register.endpoint": { type: "string", pattern: "^(https?://[^\\s?#]+)?$" },
  "harbor.register.name": { type: "string", pattern: "^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$" },
  interval: duration,
  minHosts: { type: "integer", minimum: 0 },
  extraObjects: { type: "array", items: { type: ["object", "string"] } },
  config: { $ref: "#/definitions/config" },
};

// Keys that the chart sets itself; somebody who sets them as well would contradict it.
const OF_THE_CHART = ["dataDir", "name", "listen", "advertise", "seed", "zoneFile", "join"];
const OF_THE_CHART_IN_API = ["tokenFile", "tls"];

/** values.schema.json: the shape of the defaults, what is known of single keys, and the processes' own configuration. Draft 7: older Helm knows no other. */
export function valuesSchema(keys: readonly ValueKey[]): JsonSchema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the chart darner",
    ...mapOf([...keys]),
    definitions: { config: configOfValues() },
  };
}

function mapOf(keys: readonly ValueKey[], isTop = true): JsonSchema {
  const properties = Object.fromEntries(keys.map((key) => [key.path.split(".").at(-1) ?? "", schemaOf(key)]));
  // A parent chart hands its global values down to every chart.
  return { type: "object", properties: isTop ? { ...properties, global: { type: "object" } } : properties, additionalProperties: false };
}

function schemaOf(key: ValueKey): JsonSchema {
  const about = key.comment === "" ? {} : { description: key.comment };
  if (key.below.length > 0) return { ...mapOf(key.below, false), ...about };
  const known = knownOf(key.path);
  // Beside a $ref nothing else counts in draft 7.
  if (known !== undefined) return "$ref" in known ? known : { ...known, ...about };
  if (key.value === null || typeof key.value === "object") throw new Error(`${key.path}: say in KNOWN what may stand there`);
  return { type: typeof key.value === "number" ? "integer" : typeof key.value, ...about };
}

function knownOf(path: string): JsonSchema | undefined {
  const words = path.split(".");
  for (let from = 0; from < words.length; from += 1) {
    const known = KNOWN[words.slice(from).join(".")];
    if (known !== undefined) return known;
  }
  return undefined;
}

function configOfValues(): JsonSchema {
  const { $schema: _dialect, ...schema } = configJsonSchema();
  const properties = { ...(schema["properties"] as Record<string, JsonSchema>) };
  for (const key of OF_THE_CHART) Reflect.deleteProperty(properties, key);
  const api = properties["api"];
  if (api !== undefined) {
    const own = { ...(api["properties"] as Record<string, JsonSchema>) };
    for (const key of OF_THE_CHART_IN_API) Reflect.deleteProperty(own, key);
    properties["api"] = { ...api, properties: own };
  }
  return { ...schema, properties };
}
