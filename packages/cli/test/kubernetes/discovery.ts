import { apiVersionOf, KINDS, type Kind } from "./kinds.ts";

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const PARAMETERS = ["dryRun", "fieldManager", "fieldValidation", "force"].map((name) => ({
  name,
  in: "query",
  schema: { type: "string" },
}));

/** What the stand-in says it is: recent, so that a chart's lower bound holds. */
const VERSION = { major: "1", minor: "33", gitVersion: "v1.33.0", gitCommit: "", gitTreeState: "clean", platform: "linux/amd64" };

/** The answer to a question about the API itself; undefined where the path asks for something else. */
export function discovered(path: string): object | undefined {
  if (path === "/version") return VERSION;
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") return { kind: "APIGroupList", apiVersion: "v1", groups: groups().map(groupOf) };
  if (path === "/openapi/v3")
    return { paths: Object.fromEntries(apiVersions().map((at) => [rootOf(at), { serverRelativeURL: `/openapi/v3/${rootOf(at)}` }])) };
  const [, root] = /^\/openapi\/v3\/(.+)$/.exec(path) ?? [];
  if (root !== undefined) return apiVersions().some((at) => rootOf(at) === root) ? openApi(root) : undefined;
  const version = apiVersions().find((at) => `/${rootOf(at)}` === path);
  if (version !== undefined) return resourcesOf(version);
  return groups().includes(path.replace(/^\/apis\//, "")) ? groupOf(path.slice("/apis/".length)) : undefined;
}

function groups(): string[] {
  return [...new Set([...KINDS.map(({ group }) => group), "authentication.k8s.io", "authorization.k8s.io"])].filter(
    (group) => group !== "",
  );
}

function apiVersions(): string[] {
  return [...new Set([...KINDS.map(apiVersionOf), "authentication.k8s.io/v1", "authorization.k8s.io/v1"])];
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `apis/${apiVersion}` : `api/${apiVersion}`;
}

function groupOf(name: string): object {
  const version = { groupVersion: `${name}/v1`, version: "v1" };
  return { kind: "APIGroup", apiVersion: "v1", name, versions: [version], preferredVersion: version };
}

function resourcesOf(apiVersion: string): object {
  const resources = KINDS.filter((kind) => apiVersionOf(kind) === apiVersion).flatMap((kind) => {
    const { plural: name, kind: kindName, namespaced } = kind;
    const resource = { name, singularName: kindName.toLowerCase(), namespaced, kind: kindName, verbs: VERBS };
    return [resource, { ...resource, name: `${name}/status`, verbs: ["get", "patch", "update"] }];
  });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersion, resources };
}

/** As much of a document as tells a client that fields are checked here. */
function openApi(root: string): object {
  const of = KINDS.filter((kind) => rootOf(apiVersionOf(kind)) === root);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: VERSION.gitVersion },
    paths: Object.fromEntries(of.flatMap((kind) => pathsOf(root, kind))),
    components: {
      schemas: Object.fromEntries(of.map((kind) => [schemaName(kind), { type: "object", "x-kubernetes-group-version-kind": [gvk(kind)] }])),
    },
  };
}

function pathsOf(root: string, kind: Kind): [string, object][] {
  const collection = `/${root}/${kind.namespaced ? "namespaces/{namespace}/" : ""}${kind.plural}`;
  const operation = (action: string): object => ({
    operationId: `${action}${kind.kind}`,
    parameters: PARAMETERS,
    responses: { 200: { description: "OK" } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk(kind),
  });
  return [
    [collection, { get: operation("list"), post: operation("post") }],
    [`${collection}/{name}`, { get: operation("get"), put: operation("put"), patch: operation("patch"), delete: operation("delete") }],
  ];
}

function gvk({ group, version, kind }: Kind): object {
  return { group, version, kind };
}

function schemaName({ group, version, kind }: Kind): string {
  return `io.k8s.${group === "" ? "core" : group}.${version}.${kind}`;
}
