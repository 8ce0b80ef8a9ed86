import { askApiServer, type ApiServerConfig } from "./api-server.ts";
import { ApiRefusal, type ObjectName } from "./objects.ts";

/** How far a DaemonSet is: pods that are ready, of the nodes that should have one. */
export type Progress = { readonly ready: number; readonly desired: number };

/** Asks how far a DaemonSet is; undefined while its controller has not looked at it. */
export async function progressOf(api: ApiServerConfig, { namespace, name }: ObjectName): Promise<Progress | undefined> {
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/daemonsets/${encodeURIComponent(name)}`;
  const { status, body } = await askApiServer(api, { method: "GET", path });
  if (status !== 200) throw new ApiRefusal(`a look at the daemon set ${namespace}/${name}`, status);
  const { metadata, status: state } = body as {
    metadata?: { generation?: number };
    status?: { observedGeneration?: number; numberReady?: number; desiredNumberScheduled?: number };
  };
  if (state?.observedGeneration === undefined || state.observedGeneration < (metadata?.generation ?? 1)) return undefined;
  return { ready: state.numberReady ?? 0, desired: state.desiredNumberScheduled ?? 0 };
}
