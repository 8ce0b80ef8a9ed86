import { randomBytes } from "node:crypto";
import type { Kind } from "./kinds.ts";
import { fieldsOf, listOf, textOf, type Fields, type KubeObject } from "./object.ts";
import type { ObjectStore } from "./object-store.ts";

/** Who asks: somebody who may do everything, or a service account. */
export type User = { readonly name: string; readonly groups: readonly string[] };

/** What somebody wants to do. */
export type Attempt = {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
};

const ADMIN: User = { name: "admin", groups: ["system:masters"] };
// The one role of the cluster's own that a chart of ours binds.
const AUTH_DELEGATOR: Fields = {
  rules: [
    { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
    { apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"] },
  ],
};

/** Tokens and roles: who somebody is, and whether their roles allow what they want (RBAC). */
export class Access {
  readonly adminToken: string = randomBytes(16).toString("hex");
  readonly #store: ObjectStore;
  readonly #tokens = new Map<string, { readonly account: string; readonly audiences: readonly string[] }>();
  /** Every attempt that was turned down, as a sentence. */
  readonly refusals: string[] = [];

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** A token for a service account, `namespace:name`, as a pod is given one. */
  issue(account: string, audiences: readonly string[] = [API_AUDIENCE]): string {
    const token = `sa.${randomBytes(24).toString("hex")}`;
    this.#tokens.set(token, { account, audiences });
    return token;
  }

  /** Who shows this `Authorization`; undefined where nobody known does. */
  userOf(authorization: string | undefined): User | undefined {
    const token = /^Bearer (.+)$/i.exec(authorization ?? "")?.[1] ?? "";
    if (token === this.adminToken) return ADMIN;
    const known = this.#tokens.get(token);
    return known?.audiences.includes(API_AUDIENCE) === true ? accountUser(known.account) : undefined;
  }

  allows(user: User, attempt: Attempt): boolean {
    if (user === ADMIN) return true;
    const isAllowed = this.#rulesOf(user, attempt.namespace).some((rule) => ruleAllows(rule, attempt));
    if (!isAllowed) this.refusals.push(`${user.name} may not ${attempt.verb} ${attempt.resource} ${attempt.namespace}/${attempt.name}`);
    return isAllowed;
  }

  /** The answer to a `TokenReview`. */
  review(asked: Fields): Fields {
    const spec = fieldsOf(asked["spec"]);
    const known = this.#tokens.get(textOf(spec["token"]));
    const wanted = Array.isArray(spec["audiences"]) ? spec["audiences"].map(textOf) : [API_AUDIENCE];
    const audiences = known?.audiences.filter((audience) => wanted.includes(audience)) ?? [];
    const { name: username, groups } = known === undefined ? { name: "", groups: [] } : accountUser(known.account);
    const status = audiences.length > 0 ? { authenticated: true, user: { username, groups }, audiences } : { authenticated: false };
    return { ...asked, status };
  }

  #rulesOf(user: User, namespace: string): Fields[] {
    const bindings = [...this.#store.named("ClusterRoleBinding"), ...this.#store.named("RoleBinding")];
    return bindings
      .filter((binding) => binding.kind === "ClusterRoleBinding" || binding.metadata.namespace === namespace)
      .filter((binding) => listOf(binding["subjects"]).some((subject) => isSubject(subject, user, binding)))
      .flatMap((binding) => listOf(this.#role(binding)["rules"]));
  }

  #role(binding: KubeObject): Fields {
    const { kind, name } = fieldsOf(binding["roleRef"]);
    if (kind === "ClusterRole" && name === "system:auth-delegator") return AUTH_DELEGATOR;
    const inNamespace = kind === "Role" ? binding.metadata.namespace : undefined;
    return this.#store.named(textOf(kind)).find(({ metadata }) => metadata.name === name && metadata.namespace === inNamespace) ?? {};
  }
}

/** For whom a token without a wish for somebody else is meant. */
export const API_AUDIENCE = "https://kubernetes.default.svc";

/** The attempt that a request is. */
export function attemptOf(verb: string, { group, plural }: Kind, namespace: string, name: string): Attempt {
  return { verb, group, resource: plural, namespace, name };
}

function accountUser(account: string): User {
  const [namespace = ""] = account.split(":");
  return {
    name: `system:serviceaccount:${account}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  };
}

function isSubject(subject: Fields, user: User, binding: KubeObject): boolean {
  const { kind, name } = subject;
  const namespace = textOf(subject["namespace"] ?? binding.metadata.namespace);
  if (kind === "ServiceAccount") return user.name === `system:serviceaccount:${namespace}:${textOf(name)}`;
  return kind === "Group" ? user.groups.includes(textOf(name)) : name === user.name;
}

function ruleAllows(rule: Fields, { verb, group, resource, name }: Attempt): boolean {
  const has = (field: string, value: string): boolean => {
    const list = rule[field];
    return Array.isArray(list) && (list.includes(value) || list.includes("*"));
  };
  const names = rule["resourceNames"];
  const isNamed = !Array.isArray(names) || names.length === 0 || names.includes(name);
  return has("verbs", verb) && has("apiGroups", group) && has("resources", resource) && isNamed;
}
