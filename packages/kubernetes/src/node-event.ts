import { randomBytes } from "node:crypto";
import { askApiServer, type ApiServerConfig } from "./api-server.ts";
import { ApiRefusal } from "./objects.ts";

/** Something that happened to a node, for those who describe it. */
export type NodeEvent = {
  readonly node: string;
  /** `Warning` where somebody has to do something. */
  readonly type: "Normal" | "Warning";
  /** One word in CamelCase. */
  readonly reason: string;
  readonly message: string;
  readonly at: Date;
};

// What Kubernetes takes for a message.
const MAX_MESSAGE_CHARS = 1024;
const COMPONENT = "darner-node-setup";

/** Writes an event about a node, where `kubectl describe node` and `kubectl get events` show it. Kubernetes forgets it after an hour. */
export async function writeNodeEvent(api: ApiServerConfig, { node, type, reason, message, at }: NodeEvent): Promise<void> {
  const time = at.toISOString().replace(/\.\d+Z$/, "Z");
  const body = {
    apiVersion: "v1",
    kind: "Event",
    // Events of what has no namespace are kept in this one.
    metadata: { name: `${node.slice(0, 200)}.${randomBytes(8).toString("hex")}`, namespace: "default" },
    // The kubelet's own events name the node in place of its id, and kubectl looks for that.
    involvedObject: { apiVersion: "v1", kind: "Node", name: node, uid: node },
    type,
    reason,
    message: message.slice(0, MAX_MESSAGE_CHARS),
    source: { component: COMPONENT, host: node },
    reportingComponent: `darner.dev/${COMPONENT}`,
    reportingInstance: node,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
  const { status } = await askApiServer(api, { method: "POST", path: "/api/v1/namespaces/default/events", body });
  if (status !== 201) throw new ApiRefusal(`an event of the node ${node}`, status);
}
