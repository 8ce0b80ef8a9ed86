import { applied, jsonPatch, mergePatch, strategicPatch } from "./merge.ts";
import { apiVersionOf, kindNamed, type Kind } from "./kinds.ts";
import { fieldsOf, listOf, textOf, type Fields, type KubeObject } from "./object.ts";
import type { ObjectStore } from "./object-store.ts";
import { changeProblems, createProblems, withDefaults } from "./rules.ts";
import { fieldProblems } from "./strict-fields.ts";
import type { Target } from "./requests.ts";

/** The API server says no. */
export class Refused extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = "Refused";
    this.status = status;
    this.reason = reason;
  }
}

type How = { readonly query: URLSearchParams; readonly type: string };

/** Everything that changes objects: checked, filled in, merged. */
export class Writer {
  readonly #store: ObjectStore;
  // What each manager applied last, by object: what it leaves out the next time goes.
  readonly #applied = new Map<string, Fields>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  existing({ kind, namespace, name }: Target): KubeObject {
    const object = this.#store.get(kind, namespace, name);
    if (object === undefined) throw new Refused(404, "NotFound", `${kind.plural} "${name}" not found`);
    return object;
  }

  async create(kind: Kind, namespace: string, body: Fields, query: URLSearchParams): Promise<KubeObject> {
    const object = this.#named(kind, namespace, body);
    await this.#check(kind, object);
    const problems = createProblems(kind, object);
    if (problems.length > 0) throw invalid(kind, object, problems);
    this.#checkNamespace(kind, namespace);
    if (this.#store.get(kind, namespace, object.metadata.name) !== undefined)
      throw new Refused(409, "AlreadyExists", `${kind.plural} "${object.metadata.name}" already exists`);
    const filled = withDefaults(kind, object);
    return isDry(query) ? filled : (this.#store.create(kind, filled) ?? filled);
  }

  async replace(target: Target, body: Fields, query: URLSearchParams): Promise<KubeObject> {
    const old = this.existing(target);
    const version = textOf(fieldsOf(body["metadata"])["resourceVersion"]);
    if (version !== "" && version !== old.metadata.resourceVersion)
      throw new Refused(409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again");
    return this.#put(target, old, body, query);
  }

  async patch(target: Target, body: unknown, { query, type }: How): Promise<{ status: number; body: KubeObject }> {
    const { kind, namespace, name } = target;
    const old = this.#store.get(kind, namespace, name);
    if (type === "application/apply-patch+yaml") return this.#apply(target, old, fieldsOf(body), query);
    if (old === undefined) this.existing(target);
    const changed = patched(old, body, type);
    if (changed === undefined) throw new Refused(422, "Invalid", "a test of the patch failed");
    return { status: 200, body: await this.replace(target, changed, query) };
  }

  delete(target: Target, query: URLSearchParams): KubeObject {
    const object = this.existing(target);
    if (isDry(query)) return object;
    this.#store.delete(target.kind, target.namespace, target.name);
    if (target.kind.kind === "Namespace") this.#empty(target.name);
    return object;
  }

  async #apply(
    target: Target,
    old: KubeObject | undefined,
    body: Fields,
    query: URLSearchParams,
  ): Promise<{ status: number; body: KubeObject }> {
    const { kind, namespace, name } = target;
    const key = `${query.get("fieldManager") ?? ""} ${apiVersionOf(kind)} ${kind.kind} ${namespace} ${name}`;
    const before = this.#applied.get(key);
    if (!isDry(query)) this.#applied.set(key, body);
    if (old === undefined) return { status: 201, body: await this.create(kind, namespace, body, query) };
    await this.#check(kind, this.#named(kind, namespace, body));
    const merged = fieldsOf(applied(old, before, withDefaultsOf(kind, body)));
    return { status: 200, body: await this.#put(target, old, merged, query) };
  }

  async #put(target: Target, old: KubeObject, body: Fields, query: URLSearchParams): Promise<KubeObject> {
    const { kind, namespace } = target;
    const whole = target.sub === "status" ? { ...old, status: body["status"] } : { ...body, status: body["status"] ?? old["status"] };
    const changed = this.#named(kind, namespace, whole);
    if (changed["status"] === undefined) Reflect.deleteProperty(changed, "status");
    await this.#check(kind, changed);
    const problems = changeProblems(kind, old, changed);
    if (problems.length > 0) throw invalid(kind, changed, problems);
    return isDry(query) ? changed : this.#store.replace(kind, changed);
  }

  #named(kind: Kind, namespace: string, body: Fields): KubeObject {
    const metadata = fieldsOf(body["metadata"]);
    const name = textOf(metadata["name"]) || `${textOf(metadata["generateName"])}${Math.random().toString(36).slice(2, 7)}`;
    const inside = kind.namespaced ? { namespace } : {};
    return { ...body, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { ...metadata, name, ...inside } };
  }

  async #check(kind: Kind, object: KubeObject): Promise<void> {
    const problems = await fieldProblems(kind, object);
    if (problems.length > 0)
      throw new Refused(
        400,
        "BadRequest",
        `${kind.kind} in version "${kind.version}" cannot be handled: strict decoding error: ${problems.join(", ")}`,
      );
  }

  #checkNamespace({ namespaced }: Kind, namespace: string): void {
    const kind = kindNamed("v1", "Namespace");
    if (namespaced && kind !== undefined && this.#store.get(kind, "", namespace) === undefined)
      throw new Refused(404, "NotFound", `namespaces "${namespace}" not found`);
  }

  #empty(namespace: string): void {
    for (const object of this.#store.all()) {
      const kind = kindNamed(object.apiVersion, object.kind);
      if (kind !== undefined && object.metadata.namespace === namespace) this.#store.delete(kind, namespace, object.metadata.name);
    }
  }
}

function patched(old: KubeObject | undefined, body: unknown, type: string): Fields | undefined {
  switch (type) {
    case "application/json-patch+json":
      return jsonPatch(old, listOf(body)) as Fields | undefined;
    case "application/strategic-merge-patch+json":
      return fieldsOf(strategicPatch(old, body));
    case "application/merge-patch+json":
      return fieldsOf(mergePatch(old, body));
    default:
      throw new Refused(415, "UnsupportedMediaType", `a patch of type ${type} is not known`);
  }
}

function withDefaultsOf(kind: Kind, body: Fields): Fields {
  return kind.kind === "Secret" ? withDefaults(kind, body as KubeObject) : body;
}

function isDry(query: URLSearchParams): boolean {
  return query.getAll("dryRun").includes("All");
}

function invalid(kind: Kind, { metadata }: KubeObject, problems: readonly string[]): Refused {
  return new Refused(422, "Invalid", `${kind.kind} "${metadata.name}" is invalid: ${problems.join(", ")}`);
}
