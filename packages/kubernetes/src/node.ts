import { askApiServer, type ApiServerConfig } from "./api-server.ts";
import { ApiRefusal } from "./objects.ts";

type Taint = { readonly key?: unknown };
type NodeObject = {
  readonly metadata?: { readonly labels?: Readonly<Record<string, unknown>> };
  readonly spec?: { readonly taints?: readonly Taint[] };
  readonly status?: { readonly nodeInfo?: { readonly containerRuntimeVersion?: unknown } };
};

/** What of a node's labels says where it stands, coarse to fine. */
export const ZONE_LABELS: readonly string[] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

// Somebody else changes the node's taints at the same moment: the next try sees what they did.
const TRIES = 4;

/** Where a node stands by its labels, coarse to fine with / between; undefined where it has none of them. */
export async function zoneOfNode(api: ApiServerConfig, node: string, labels: readonly string[] = ZONE_LABELS): Promise<string | undefined> {
  const has = (await readNode(api, node)).metadata?.labels ?? {};
  const parts = labels.map((label) => has[label]).filter((part) => typeof part === "string" && part !== "");
  return parts.length === 0 ? undefined : parts.join("/");
}

/** The version of the node's container runtime, as its kubelet tells it: `2.2.1` of `containerd://2.2.1`. */
export async function runtimeVersionOf(api: ApiServerConfig, node: string): Promise<string | undefined> {
  const told = (await readNode(api, node)).status?.nodeInfo?.containerRuntimeVersion;
  return typeof told === "string" ? /^[a-z-]+:\/\/v?(.+)$/.exec(told)?.[1] : undefined;
}

/** Takes every taint of this key from a node; true where there was one. */
export async function removeTaint(api: ApiServerConfig, node: string, key: string): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const taints = (await readNode(api, node)).spec?.taints ?? [];
    const left = taints.filter((taint) => taint.key !== key);
    if (left.length === taints.length) return false;
    // Only if the taints are still what was read: the list is replaced as a whole.
    const body = [
      { op: "test", path: "/spec/taints", value: taints },
      { op: "replace", path: "/spec/taints", value: left },
    ];
    const { status } = await askApiServer(api, { method: "PATCH", path: pathOf(node), body, contentType: "application/json-patch+json" });
    if (status === 200) return true;
    // A test that failed is 422, or 409 where the object changed meanwhile.
    if (status !== 409 && status !== 422) throw new ApiRefusal(`a change of the node ${node}`, status);
  }
  throw new Error(`the taints of the node ${node} change faster than they can be written`);
}

async function readNode(api: ApiServerConfig, node: string): Promise<NodeObject> {
  const { status, body } = await askApiServer(api, { method: "GET", path: pathOf(node) });
  if (status !== 200) throw new ApiRefusal(`a look at the node ${node}`, status);
  return body as NodeObject;
}

function pathOf(node: string): string {
  return `/api/v1/nodes/${encodeURIComponent(node)}`;
}
