import assert from "node:assert/strict";
import { request } from "node:https";
import { json } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { noLeaks } from "@darner/testkit";
import { ApiServer, messageOf } from "./api-server.ts";
import { applied, strategicPatch } from "./merge.ts";

let api: ApiServer;
before(async () => {
  api = await ApiServer.open();
});
after(() => api[Symbol.asyncDispose]());
// After the server is closed.
noLeaks();

type Answer = { readonly status: number; readonly body: Record<string, unknown> };

async function ask(
  method: string,
  path: string,
  body?: unknown,
  { token = api.access.adminToken, type = "application/json" } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { authorization: `Bearer ${token}`, "content-type": type };
  const asked = request(`${api.url}${path}`, { method, headers, ca: api.ca, agent: false }, (response) => {
    json(response).then((answer) => {
      resolve({ status: response.statusCode ?? 0, body: answer as Record<string, unknown> });
    }, reject);
  });
  asked.on("error", reject);
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

const NAMESPACE = "/api/v1/namespaces/default";
const configMap = (name: string, more: object = {}): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data: { a: "1" },
  ...more,
});

const container = { name: "a", image: "x", resources: { limits: { memory: "1Gi" } }, securityContext: { readOnlyRootFilesystem: true } };
const daemonSet = (spec: object): object => ({
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: { name: "d" },
  spec: { selector: { matchLabels: { app: "d" } }, template: { metadata: { labels: { app: "d" } }, spec } },
});

test("fields that no model knows are refused, each with its path; those of a map are not", async () => {
  const path = "/apis/apps/v1/namespaces/default/daemonsets";
  const wrong = await ask(
    "POST",
    path,
    daemonSet({ hostNetwerk: true, containers: [{ ...container, securityContext: { readOnlyRoot: true } }] }),
  );
  assert.equal(wrong.status, 400);
  assert.match(messageOf(wrong.body), /unknown field "spec\.template\.spec\.hostNetwerk"/);
  assert.match(messageOf(wrong.body), /unknown field "spec\.template\.spec\.containers\[0\]\.securityContext\.readOnlyRoot"/);
  const right = await ask("POST", path, daemonSet({ hostNetwork: true, nodeSelector: { any: "label" }, containers: [container] }));
  assert.equal(right.status, 201, messageOf(right.body));
});

test("a field of another type is refused", async () => {
  const { status, body } = await ask("POST", `${NAMESPACE}/services`, { metadata: { name: "s" }, spec: { ports: [{ port: "http" }] } });
  assert.equal(status, 400);
  assert.match(messageOf(body), /spec\.ports\.0\.port/);
});

test("a selector stays as it was created, and matches its own pods", async () => {
  const changed = { ...daemonSet({ containers: [container] }), spec: { selector: { matchLabels: { app: "e" } } } };
  const merge = { type: "application/merge-patch+json" };
  const { status, body } = await ask("PATCH", "/apis/apps/v1/namespaces/default/daemonsets/d", { spec: changed.spec }, merge);
  assert.deepEqual([status, body["reason"]], [422, "Invalid"]);
  assert.match(messageOf(body), /spec\.selector: Invalid value: field is immutable/);
});

test("who applies an object takes away what it applied before and leaves out now, and nothing of others", async () => {
  const apply = (data: object): Promise<Answer> =>
    ask("PATCH", `${NAMESPACE}/configmaps/c?fieldManager=helm`, configMap("c", { data }), { type: "application/apply-patch+yaml" });
  assert.equal((await apply({ a: "1", b: "2" })).status, 201);
  await ask("PATCH", `${NAMESPACE}/configmaps/c`, { data: { other: "3" } }, { type: "application/merge-patch+json" });
  const { body } = await apply({ a: "4" });
  assert.deepEqual(body["data"], { a: "4", other: "3" });
});

test("lists of objects are merged by their keys, as kubectl and Helm 3 write patches", () => {
  const live = { containers: [{ name: "a", image: "1" }, { name: "b" }], args: ["x"] };
  const patch = { containers: [{ name: "a", image: "2" }, { name: "b", $patch: "delete" }, { name: "c" }], args: ["y"] };
  assert.deepEqual(strategicPatch(live, patch), { containers: [{ name: "a", image: "2" }, { name: "c" }], args: ["y"] });
  const before = { containers: [{ name: "a", image: "1" }, { name: "b" }] };
  assert.deepEqual(applied(live, before, { containers: [{ name: "a" }] }), { containers: [{ name: "a" }], args: ["x"] });
});

test("a service account may do what its roles say, to the object they name, and nothing else", async () => {
  const account = { kind: "ServiceAccount", name: "sa", namespace: "default" };
  const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "patch"], resourceNames: ["mine"] }];
  const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" };
  assert.equal((await ask("POST", `${rbac}/roles`, { metadata: { name: "r" }, rules })).status, 201);
  assert.equal((await ask("POST", `${rbac}/rolebindings`, { metadata: { name: "r" }, roleRef, subjects: [account] })).status, 201);
  for (const name of ["mine", "yours"]) await ask("POST", `${NAMESPACE}/configmaps`, configMap(name));
  const token = api.access.issue("default:sa");
  const asked = async (method: string, path: string, body?: object): Promise<number> =>
    (await ask(method, `${NAMESPACE}/configmaps${path}`, body, { token, type: "application/merge-patch+json" })).status;
  assert.deepEqual(
    [
      await asked("GET", "/mine"),
      await asked("PATCH", "/mine", { data: { a: "2" } }),
      await asked("GET", "/yours"),
      await asked("GET", ""),
    ],
    [200, 200, 403, 403],
  );
  assert.equal(await asked("DELETE", "/mine"), 403);
});

test("a token is good for whom it was made", async () => {
  const review = async (token: string, audience: string): Promise<unknown> =>
    (await ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token, audiences: [audience] } })).body["status"];
  const token = api.access.issue("darner:daemon", ["darner"]);
  const user = {
    username: "system:serviceaccount:darner:daemon",
    groups: ["system:serviceaccounts", "system:serviceaccounts:darner", "system:authenticated"],
  };
  assert.deepEqual(await review(token, "darner"), { authenticated: true, user, audiences: ["darner"] });
  assert.deepEqual(await review(token, "vault"), { authenticated: false });
  assert.equal((await ask("GET", `${NAMESPACE}/configmaps`, undefined, { token })).status, 401);
});

test("a change of what somebody else changed meanwhile is a conflict", async () => {
  const { body } = await ask("POST", `${NAMESPACE}/configmaps`, configMap("raced"));
  await ask("PATCH", `${NAMESPACE}/configmaps/raced`, { data: { a: "2" } }, { type: "application/merge-patch+json" });
  assert.equal((await ask("PUT", `${NAMESPACE}/configmaps/raced`, body)).status, 409);
});

test("with an object goes what it owns", async () => {
  const { body } = await ask("POST", `${NAMESPACE}/configmaps`, configMap("owner"));
  const { uid } = body["metadata"] as { uid: string };
  const owned = configMap("owned", {
    metadata: { name: "owned", ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid }] },
  });
  assert.equal((await ask("POST", `${NAMESPACE}/configmaps`, owned)).status, 201);
  await ask("DELETE", `${NAMESPACE}/configmaps/owner`);
  assert.equal((await ask("GET", `${NAMESPACE}/configmaps/owned`)).status, 404);
});
