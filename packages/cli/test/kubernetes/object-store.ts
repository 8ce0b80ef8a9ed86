import { apiVersionOf, KINDS, type Kind } from "./kinds.ts";
import { hasLabels, type KubeObject } from "./object.ts";

/** What happened to an object, as a watch tells it. */
export type Change = { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly kind: Kind; readonly object: KubeObject };

/** Who wants to know of changes. */
export type Watcher = (change: Change) => void;

// What a watch that begins in the past can still be told; a Helm release makes some hundreds of changes.
const MAX_CHANGES = 20_000;

/** The objects of a cluster, each under a name of its kind, and what happened to them in order. */
export class ObjectStore {
  readonly #objects = new Map<string, KubeObject>();
  readonly #changes: Change[] = [];
  readonly #watchers = new Set<Watcher>();
  #version = 1;
  #uid = 0;

  /** The version of the latest change. */
  get version(): string {
    return String(this.#version);
  }

  get(kind: Kind, namespace: string, name: string): KubeObject | undefined {
    return this.#objects.get(keyOf(kind, namespace, name));
  }

  /** Objects of a kind in the order of their names; of all namespaces where none is named. */
  list(kind: Kind, namespace?: string): KubeObject[] {
    const start = `${kind.group}/${kind.plural}/`;
    const inside = [...this.#objects].filter(([key]) => key.startsWith(start)).map(([, object]) => object);
    const chosen = namespace === undefined ? inside : inside.filter(({ metadata }) => metadata.namespace === namespace);
    return chosen.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  /** Of a kind by its name (`Pod`), those that carry these labels. */
  named(kindName: string, labels: Record<string, string> = {}): KubeObject[] {
    const kind = KINDS.find((one) => one.kind === kindName);
    return kind === undefined ? [] : this.list(kind).filter(({ metadata }) => hasLabels(metadata.labels, labels));
  }

  /** Every object there is. */
  all(): KubeObject[] {
    return [...this.#objects.values()];
  }

  /** Puts a new object in; undefined where there is one of that name. */
  create(kind: Kind, object: KubeObject): KubeObject | undefined {
    const { metadata } = object;
    const key = keyOf(kind, metadata.namespace ?? "", metadata.name);
    if (this.#objects.has(key)) return undefined;
    this.#uid += 1;
    const made = { ...metadata, uid: uidOf(this.#uid), generation: 1, creationTimestamp: now() };
    return this.#put(kind, "ADDED", { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: made });
  }

  /** Puts another version of an object in; the generation counts changes of anything but the status. */
  replace(kind: Kind, object: KubeObject): KubeObject {
    const old = this.get(kind, object.metadata.namespace ?? "", object.metadata.name);
    if (old === undefined) throw new Error(`there is no ${kind.kind} ${object.metadata.name}`);
    if (isSame(old, object)) return old;
    const generation = (old.metadata.generation ?? 1) + (isSame(specPart(old), specPart(object)) ? 0 : 1);
    const { uid, creationTimestamp } = old.metadata;
    const metadata = { ...object.metadata, generation, ...(uid && { uid }), ...(creationTimestamp && { creationTimestamp }) };
    return this.#put(kind, "MODIFIED", { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata });
  }

  /** Changes an object by hand, as a controller does. */
  update(kind: Kind, { metadata: { name, namespace = "" } }: KubeObject, change: (object: KubeObject) => KubeObject): void {
    const object = this.get(kind, namespace, name);
    if (object !== undefined) this.replace(kind, change(structuredClone(object)));
  }

  /** Takes an object away, and in turn everything it owns. */
  delete(kind: Kind, namespace: string, name: string): KubeObject | undefined {
    const object = this.get(kind, namespace, name);
    if (object === undefined) return undefined;
    this.#objects.delete(keyOf(kind, namespace, name));
    this.#version += 1;
    const gone = { ...object, metadata: { ...object.metadata, resourceVersion: this.version } };
    this.#tell({ type: "DELETED", kind, object: gone });
    const owned = this.all().filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === object.metadata.uid) === true);
    for (const { apiVersion, kind: name, metadata } of owned) {
      const of = KINDS.find((one) => one.kind === name && apiVersionOf(one) === apiVersion);
      if (of !== undefined) this.delete(of, metadata.namespace ?? "", metadata.name);
    }
    return gone;
  }

  /** Tells of every change after a version, then of what comes; the answer ends it. */
  watch(after: string, watcher: Watcher): () => void {
    for (const change of this.#changes) if (Number(change.object.metadata.resourceVersion) > Number(after)) watcher(change);
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  #put(kind: Kind, type: Change["type"], object: KubeObject): KubeObject {
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: this.version } };
    this.#objects.set(keyOf(kind, stored.metadata.namespace ?? "", stored.metadata.name), stored);
    this.#tell({ type, kind, object: stored });
    return stored;
  }

  #tell(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length > MAX_CHANGES) this.#changes.shift();
    for (const watcher of [...this.#watchers]) watcher(change);
  }
}

function keyOf(kind: Kind, namespace: string, name: string): string {
  return `${kind.group}/${kind.plural}/${namespace}/${name}`;
}

function specPart(object: KubeObject): unknown {
  return Object.entries(object).filter(([key]) => key !== "metadata" && key !== "status");
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function uidOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

function now(): string {
  return new Date().toISOString().replace(/\.[0-9]+Z$/, "Z");
}
