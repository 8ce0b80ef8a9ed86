import type { ApiServerConfig } from "@darner/kubernetes";
import { UsageError } from "../command.ts";

/** The flags of every command that asks the API server of its cluster, as Node's parser wants them. */
export const CLUSTER_OPTIONS = {
  node: { type: "string" },
  "api-server": { type: "string" },
  "api-ca": { type: "string", default: "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt" },
  "api-token": { type: "string", default: "/var/run/secrets/kubernetes.io/serviceaccount/token" },
} as const;

/** The values of those flags. */
export type ClusterValues = {
  readonly node?: string | undefined;
  readonly "api-server"?: string | undefined;
  readonly "api-ca": string;
  readonly "api-token": string;
};

/** Where the API server is: the address that Kubernetes gives every pod needs no name to be looked up. */
export function apiServerOf(values: ClusterValues, env: Readonly<Record<string, string | undefined>>): ApiServerConfig {
  const { KUBERNETES_SERVICE_HOST: host = "kubernetes.default.svc", KUBERNETES_SERVICE_PORT: port = "443" } = env;
  const apiServer = values["api-server"] ?? `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (!/^https:\/\/[^\s/?#@]+$/.test(apiServer)) throw new UsageError(`--api-server takes https://host[:port], not "${apiServer}"`);
  return { apiServer, caFile: values["api-ca"], tokenFile: values["api-token"] };
}

/** The node's name, which the command cannot do without. */
export function nodeIn({ node }: ClusterValues, why: string): string {
  if (node === undefined || node === "") throw new UsageError(`${why} needs --node NAME, the node's name in the cluster`);
  return node;
}
