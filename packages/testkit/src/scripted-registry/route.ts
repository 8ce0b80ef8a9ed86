/** What a path of the registry API asks for. */
export type Route =
  | { readonly kind: "ping" }
  | { readonly kind: "token" }
  | { readonly kind: "other" }
  | { readonly kind: "manifest" | "blob" | "referrers"; readonly repository: string; readonly reference: string }
  | { readonly kind: "tags"; readonly repository: string };

/** Reads a path from the right, as repository names may look like API words. */
export function routeOf(rawPath: string): Route {
  const path = rawPath.replaceAll("%3A", ":");
  if (path === "/token" || path === "/service/token") return { kind: "token" };
  if (path === "/v2/" || path === "/v2") return { kind: "ping" };
  const tags = /^\/v2\/(.+)\/tags\/list$/.exec(path)?.[1];
  if (tags !== undefined) return { kind: "tags", repository: tags };
  const match = /^\/v2\/(.+)\/(manifests|blobs|referrers)\/([^/]+)$/.exec(path);
  if (match === null) return { kind: "other" };
  const [, repository = "", word = "", reference = ""] = match;
  const kind = word === "manifests" ? "manifest" : word === "blobs" ? "blob" : "referrers";
  return { kind, repository, reference };
}
