import { isRepositoryName, isTag, parseDigest } from "@darner/domain";
import type { Digest } from "@darner/domain";
import { read, refuse } from "./problem.ts";
import type { Outcome } from "./problem.ts";

/** What a request asks for; `name` is the path's own, not yet split into registry and repository. */
export type Endpoint =
  /** `/v2/` */
  | { readonly kind: "ping" }
  /** `/v2/<name>/manifests/<reference>`; `digest` where the reference is one. */
  | { readonly kind: "manifest"; readonly name: string; readonly reference: string; readonly digest: Digest | undefined }
  /** `/v2/<name>/blobs/<digest>` */
  | { readonly kind: "blob"; readonly name: string; readonly digest: Digest }
  /** `/v2/<name>/tags/list` */
  | { readonly kind: "tags"; readonly name: string }
  /** `/v2/<name>/referrers/<digest>` */
  | { readonly kind: "referrers"; readonly name: string; readonly digest: Digest };

/** A request target taken apart; `query` is what stands after the `?`, as it came. */
export type Target = { readonly endpoint: Endpoint; readonly query: string };

// Longest a registry's own paging parameters get; the bound keeps a hostile query from being copied around.
const MAX_QUERY_CHARS = 8192;
const MAX_NAME_CHARS = 255;
const VISIBLE_ASCII = /^[\x21-\x7e]*$/;

/**
 * Reads a request target as it stood on the request line (contract 1.1; cases 1–11). The raw text is checked before anything is
 * decoded: `new URL()` would collapse `..` and `%2e%2e` before anybody saw them.
 */
export function readTarget(raw: string): Outcome<Target> {
  const local = withoutAuthority(raw);
  const mark = local.indexOf("?");
  const path = mark < 0 ? local : local.slice(0, mark);
  const query = mark < 0 ? "" : local.slice(mark + 1);
  if (!path.startsWith("/")) return refuse(400, "UNSUPPORTED", "the request target is neither a path nor an http URL");
  if (!VISIBLE_ASCII.test(path) || /[\\#]/.test(path)) return refuse(400, "NAME_INVALID", "the path holds characters that no name has");
  if (!VISIBLE_ASCII.test(query) || query.includes("#")) return refuse(400, "UNSUPPORTED", "the query holds unencoded characters");
  if (query.length > MAX_QUERY_CHARS) return refuse(400, "UNSUPPORTED", `the query is longer than ${String(MAX_QUERY_CHARS)} characters`);
  const endpoint = readEndpoint(path);
  return endpoint.ok ? read({ endpoint: endpoint.value, query }) : endpoint;
}

/**
 * An absolute-form target (RFC 9112 3.2.2) keeps path and query only: whom the client believes to talk to decides nothing. With a user
 * in it (RFC 9110 4.2.4) or a blank it is left as it is, which is refused.
 */
function withoutAuthority(raw: string): string {
  const authority = /^https?:\/\/[^/?#@\s]*(?=[/?#]|$)/i.exec(raw);
  if (authority === null) return raw;
  const rest = raw.slice(authority[0].length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function readEndpoint(path: string): Outcome<Endpoint> {
  if (path === "/v2" || path === "/v2/") return read({ kind: "ping" });
  if (!path.startsWith("/v2/")) return refuse(404, "UNSUPPORTED", "only the pull side of the distribution API under /v2/ is served here");
  const segments = path.slice("/v2/".length).split("/");
  if (segments.slice(0, -1).includes("")) return refuse(400, "NAME_INVALID", "the path holds an empty segment");
  if (segments.includes("..") || segments.includes(".")) return refuse(400, "NAME_INVALID", "the path holds a dot segment");
  // From the right: a repository may itself be called `manifests` or `blobs`.
  const word = segments.at(-2) ?? "";
  const last = segments.at(-1) ?? "";
  const rawName = segments.slice(0, -2).join("/");
  if (rawName === "" || !["manifests", "blobs", "referrers", "tags"].includes(word)) return unknownEndpoint();
  if (word === "tags" && last !== "list") return unknownEndpoint();
  const name = readName(rawName);
  return name.ok ? readReference(word, name.value, last) : name;
}

function unknownEndpoint(): Outcome<never> {
  return refuse(404, "UNSUPPORTED", "no such endpoint: manifests, blobs, tags/list and referrers of a repository are served");
}

function readName(raw: string): Outcome<string> {
  const name = decodeOnce(raw);
  if (name === undefined) return refuse(404, "NAME_INVALID", "the repository name is encoded twice or wrongly");
  if (name.length > MAX_NAME_CHARS)
    return refuse(404, "NAME_INVALID", `the repository name is longer than ${String(MAX_NAME_CHARS)} characters`);
  if (!isRepositoryName(name))
    return refuse(400, "NAME_INVALID", "the repository name breaks the grammar: lower-case letters, digits, . _ - and /");
  return read(name);
}

function readReference(word: string, name: string, raw: string): Outcome<Endpoint> {
  if (word === "tags") return read({ kind: "tags", name });
  if (raw === "") return refuse(404, word === "blobs" ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN", "the path ends before the reference");
  const reference = decodeOnce(raw);
  if (word === "manifests" && (reference === undefined || !reference.includes(":"))) {
    // The conformance suite wants 404, not 400, for a tag that breaks the grammar.
    if (reference === undefined || !isTag(reference)) return refuse(404, "MANIFEST_UNKNOWN", "there can be no such tag");
    return read({ kind: "manifest", name, reference, digest: undefined });
  }
  const parsed = parseDigest(reference ?? "");
  if (!parsed.ok) {
    const wrong =
      parsed.problem === "wrong-length" ? "has the wrong length or letters for its algorithm" : "breaks the grammar algorithm:encoded";
    return refuse(400, "DIGEST_INVALID", `the digest ${wrong}`);
  }
  const { digest } = parsed;
  if (word === "manifests") return read({ kind: "manifest", name, reference: digest, digest });
  return read(word === "blobs" ? { kind: "blob", name, digest } : { kind: "referrers", name, digest });
}

/** Undoes percent-encoding once; undefined where it is broken or where something encoded would be left. */
function decodeOnce(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    const decoded = decodeURIComponent(text);
    return decoded.includes("%") ? undefined : decoded;
  } catch {
    return undefined;
  }
}
