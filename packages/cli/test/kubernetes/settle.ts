import type { ApiServer } from "./api-server.ts";
import { fieldsOf, listOf, specOf, textOf, type KubeObject } from "./object.ts";
import type { Change, ObjectStore } from "./object-store.ts";

/** Says of every workload at once that it is as it should be, as a cluster of `nodes` nodes would after a while; the answer ends it. */
export function settleAtOnce({ store }: Pick<ApiServer, "store">, nodes = 4): () => void {
  return store.watch("0", (change) => {
    if (change.type === "DELETED") return;
    const status = statusOf(change.object, nodes);
    if (status === undefined || JSON.stringify(change.object["status"]) === JSON.stringify(status)) return;
    // Not inside the write that is told of: its answer comes first.
    setImmediate(() => {
      settle(store, change, nodes);
    });
  });
}

function settle(store: ObjectStore, { kind, object }: Change, nodes: number): void {
  store.update(kind, object, (now) => ({ ...now, status: statusOf(now, nodes) }));
}

/** What a controller would say of an object that is as it should be on `nodes` nodes; undefined where it has no status. */
export function statusOf(object: KubeObject, nodes: number): object | undefined {
  const { generation: observedGeneration = 1 } = object.metadata;
  const spec = specOf(object);
  const replicas = Number(spec["replicas"] ?? 1);
  switch (object.kind) {
    case "DaemonSet":
      return {
        observedGeneration,
        desiredNumberScheduled: nodes,
        currentNumberScheduled: nodes,
        numberMisscheduled: 0,
        numberReady: nodes,
        numberAvailable: nodes,
        updatedNumberScheduled: nodes,
      };
    case "StatefulSet": {
      const revision = `rev-${String(observedGeneration)}`;
      const all = { replicas, readyReplicas: replicas, availableReplicas: replicas, currentReplicas: replicas, updatedReplicas: replicas };
      return { observedGeneration, ...all, currentRevision: revision, updateRevision: revision };
    }
    case "Deployment":
      return {
        observedGeneration,
        replicas,
        readyReplicas: replicas,
        availableReplicas: replicas,
        updatedReplicas: replicas,
        conditions: [condition("Available")],
      };
    case "Job":
      return {
        succeeded: 1,
        startTime: object.metadata.creationTimestamp,
        completionTime: object.metadata.creationTimestamp,
        conditions: [condition("SuccessCriteriaMet"), condition("Complete")],
      };
    case "Pod":
      return { phase: podPhase(object), conditions: [condition("Ready")] };
    case "PersistentVolumeClaim":
      return { phase: "Bound" };
    case "Namespace":
      return { phase: "Active" };
    case "PodDisruptionBudget":
      return { observedGeneration, currentHealthy: replicas, desiredHealthy: replicas, disruptionsAllowed: 1, expectedPods: replicas };
    default:
      return undefined;
  }
}

/** A pod that ends by itself has; its containers said how, if they are named. */
function podPhase(pod: KubeObject): string {
  const spec = specOf(pod);
  const isForever = textOf(spec["restartPolicy"] ?? "Always") === "Always";
  return isForever && listOf(fieldsOf(spec)["containers"]).length > 0 ? "Running" : "Succeeded";
}

function condition(type: string): object {
  return { type, status: "True" };
}
