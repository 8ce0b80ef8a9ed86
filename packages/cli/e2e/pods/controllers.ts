import { createHash } from "node:crypto";
import { apiVersionOf, KINDS, type Kind } from "../../test/kubernetes/kinds.ts";
import { fieldsOf, hasLabels, isFields, listOf, specOf, textOf, type Fields, type KubeObject } from "../../test/kubernetes/object.ts";
import type { ObjectStore } from "../../test/kubernetes/object-store.ts";

const REVISION = "controller-revision-hash";

/** What the controllers see of the pods that run: an object that is gone from the store may still be ending. */
export type PodBoard = { isEnding(name: string): boolean };

/** Makes pods of workloads and says how they are, as the controllers of a cluster do; one step at a time, called when something changed. */
export class Controllers {
  readonly #store: ObjectStore;
  readonly #board: PodBoard;

  constructor(store: ObjectStore, board: PodBoard) {
    this.#store = store;
    this.#board = board;
  }

  reconcile(): void {
    for (const object of this.#store.named("Namespace")) this.#rootCertificate(object);
    for (const object of this.#store.named("DaemonSet")) this.#daemonSet(object);
    for (const object of this.#store.named("StatefulSet")) this.#statefulSet(object);
    for (const object of this.#store.named("Job")) this.#job(object);
    for (const object of this.#store.named("Pod")) this.#assign(object);
  }

  /** The certificate of the API server, which every namespace is given; its text is put in by `authority`. */
  authority = "";

  #rootCertificate({ metadata: { name } }: KubeObject): void {
    const object = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "kube-root-ca.crt", namespace: name },
      data: { "ca.crt": this.authority },
    };
    this.#store.create(kind("ConfigMap"), object);
  }

  #daemonSet(set: KubeObject): void {
    const spec = specOf(set);
    const revision = revisionOf(spec["template"]);
    const nodes = this.#store.named("Node").filter((node) => this.#takes(node, fieldsOf(specOf(fieldsOf(spec["template"])))));
    const pods = this.#owned(set);
    const available = pods.filter(isReady).length;
    const limit = countOf(fieldsOf(fieldsOf(spec["updateStrategy"])["rollingUpdate"])["maxUnavailable"] ?? 1, nodes.length);
    let mayEnd = limit - (nodes.length - available);
    for (const node of nodes) {
      const name = `${set.metadata.name}-${node.metadata.name}`;
      const pod = pods.find((one) => one.metadata.name === name);
      if (pod === undefined) this.#createPod(set, name, revision, { nodeName: node.metadata.name });
      else if (pod.metadata.labels?.[REVISION] !== revision && (!isReady(pod) || mayEnd > 0)) {
        if (isReady(pod)) mayEnd -= 1;
        this.#delete(pod);
      }
    }
    const now = this.#owned(set);
    const updated = now.filter(({ metadata }) => metadata.labels?.[REVISION] === revision).length;
    const ready = now.filter(isReady).length;
    this.#status(set, {
      observedGeneration: set.metadata.generation ?? 1,
      desiredNumberScheduled: nodes.length,
      currentNumberScheduled: now.length,
      numberMisscheduled: 0,
      numberReady: ready,
      numberAvailable: ready,
      numberUnavailable: nodes.length - ready,
      updatedNumberScheduled: updated,
    });
  }

  #statefulSet(set: KubeObject): void {
    const spec = specOf(set);
    const revision = revisionOf(spec["template"]);
    const replicas = Number(spec["replicas"] ?? 1);
    const isParallel = spec["podManagementPolicy"] === "Parallel";
    const pods = this.#owned(set);
    const outdated = pods.filter(({ metadata }) => metadata.labels?.[REVISION] !== revision);
    const last = outdated.toSorted((a, b) => (a.metadata.name < b.metadata.name ? 1 : -1))[0];
    if (last !== undefined && pods.length === replicas && (!isReady(last) || pods.every(isReady))) this.#delete(last);
    for (let at = 0; at < replicas; at += 1) {
      const name = `${set.metadata.name}-${String(at)}`;
      const pod = this.#owned(set).find(({ metadata }) => metadata.name === name);
      if (pod === undefined) this.#createPod(set, name, revision, { hostname: name, ...this.#claims(set, name) });
      if (!isParallel && (pod === undefined || !isReady(pod))) break;
    }
    const now = this.#owned(set);
    const [ready, updated] = [now.filter(isReady).length, now.filter(({ metadata }) => metadata.labels?.[REVISION] === revision).length];
    const done = updated === replicas && ready === replicas;
    const counts = {
      replicas: now.length,
      readyReplicas: ready,
      availableReplicas: ready,
      updatedReplicas: updated,
      currentReplicas: now.length,
    };
    const before = textOf(fieldsOf(set["status"])["currentRevision"]) || revision;
    this.#status(set, {
      observedGeneration: set.metadata.generation ?? 1,
      ...counts,
      updateRevision: revision,
      currentRevision: done ? revision : before,
    });
  }

  #job(job: KubeObject): void {
    const [pod] = this.#owned(job);
    if (pod === undefined) this.#createPod(job, `${job.metadata.name}-1`, "1", {});
    const phase = textOf(fieldsOf(pod?.["status"])["phase"]);
    if (phase === "Succeeded") this.#status(job, { succeeded: 1, conditions: [{ type: "Complete", status: "True" }] });
    else if (phase === "Failed") this.#status(job, { failed: 1, conditions: [{ type: "Failed", status: "True" }] });
    else this.#status(job, { active: 1 });
  }

  /** A pod without a node gets one: the first. */
  #assign(pod: KubeObject): void {
    const node = this.#store.named("Node")[0];
    if (node === undefined || textOf(specOf(pod)["nodeName"]) !== "") return;
    this.#store.update(kind("Pod"), pod, (now) => ({ ...now, spec: { ...specOf(now), nodeName: node.metadata.name } }));
  }

  #claims(set: KubeObject, pod: string): { volumes?: Fields[] } {
    const claims = listOf(specOf(set)["volumeClaimTemplates"]).map((claim) => textOf(fieldsOf(claim["metadata"])["name"]));
    if (claims.length === 0) return {};
    const template = specOf(fieldsOf(specOf(set)["template"]));
    return {
      volumes: [
        ...listOf(template["volumes"]),
        ...claims.map((name) => ({ name, persistentVolumeClaim: { claimName: `${name}-${pod}` } })),
      ],
    };
  }

  #createPod(owner: KubeObject, name: string, revision: string, more: Fields): void {
    if (this.#board.isEnding(`${owner.metadata.namespace ?? ""}/${name}`)) return;
    const template = fieldsOf(specOf(owner)["template"]);
    const metadata = fieldsOf(template["metadata"]);
    const { apiVersion, kind: ownerKind } = owner;
    const reference = { apiVersion, kind: ownerKind, name: owner.metadata.name, uid: owner.metadata.uid ?? "", controller: true };
    const labels = { ...fieldsOf(metadata["labels"]), [REVISION]: revision } as Record<string, string>;
    const annotations = fieldsOf(metadata["annotations"]) as Record<string, string>;
    this.#store.create(kind("Pod"), {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: owner.metadata.namespace ?? "", labels, annotations, ownerReferences: [reference] },
      spec: { ...fieldsOf(template["spec"]), ...more },
    });
  }

  #owned(owner: KubeObject): KubeObject[] {
    return this.#store
      .named("Pod")
      .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) === true);
  }

  #delete(pod: KubeObject): void {
    this.#store.delete(kind("Pod"), pod.metadata.namespace ?? "", pod.metadata.name);
  }

  #status(object: KubeObject, status: Fields): void {
    const of = KINDS.find((one) => one.kind === object.kind && apiVersionOf(one) === object.apiVersion);
    if (of !== undefined) this.#store.update(of, object, (now) => ({ ...now, status }));
  }

  #takes(node: KubeObject, pod: Fields): boolean {
    if (!hasLabels(node.metadata.labels, fieldsOf(pod["nodeSelector"]))) return false;
    const tolerations = listOf(pod["tolerations"]);
    return listOf(specOf(node)["taints"]).every((taint) => tolerations.some((one) => tolerates(one, taint)));
  }
}

function tolerates({ operator, key, value }: Fields, taint: Fields): boolean {
  if (operator === "Exists") return key === undefined || key === taint["key"];
  return key === taint["key"] && value === taint["value"];
}

function isReady(pod: KubeObject): boolean {
  return listOf(fieldsOf(pod["status"])["conditions"]).some(({ type, status }) => type === "Ready" && status === "True");
}

function countOf(value: unknown, of: number): number {
  const [, percent] = /^([0-9]+)%$/.exec(textOf(value)) ?? [];
  return Math.max(1, percent === undefined ? Number(value) : Math.ceil((Number(percent) * of) / 100));
}

function revisionOf(template: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(isFields(template) ? template : {}))
    .digest("hex")
    .slice(0, 10);
}

/** A kind by its name. */
export function kind(name: string): Kind {
  const found = KINDS.find((one) => one.kind === name);
  if (found === undefined) throw new Error(`there is no kind ${name}`);
  return found;
}
