import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { parse } from "yaml";
import { apiVersionOf, KINDS, type Kind } from "./kinds.ts";
import { isFields, textOf, type Fields } from "./object.ts";
import { secretInProtobuf } from "./protobuf-secret.ts";

/** What a request is about. */
export type Target = {
  readonly kind: Kind;
  readonly namespace: string;
  /** Empty where the whole collection is meant. */
  readonly name: string;
  /** `status`, or empty. */
  readonly sub: string;
};

/** The object or collection that a path names; undefined where no such kind is known. */
export function targetOf(path: string): Target | undefined {
  const [, apiVersion, rest = ""] = /^\/(?:api|apis)\/(v1|[^/]+\/[^/]+)\/(.+)$/.exec(path) ?? [];
  const parts = rest.split("/").map(decodeURIComponent);
  const isInside = parts[0] === "namespaces" && parts.length > 2 && parts[2] !== "status";
  const [plural = "", name = "", sub = ""] = isInside ? parts.slice(2) : parts;
  const kind = KINDS.find((one) => apiVersionOf(one) === apiVersion && one.plural === plural);
  return kind === undefined ? undefined : { kind, namespace: isInside ? (parts[1] ?? "") : "", name, sub };
}

/** A request's body: JSON, YAML, or a Secret in protobuf. Rejects where it is neither, or where a key stands twice. */
export async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const bytes = await buffer(request);
  // The options of a deletion say nothing here.
  if (request.headers["content-type"] === "application/vnd.kubernetes.protobuf") return secretInProtobuf(bytes) ?? {};
  return bytes.length === 0 ? {} : (parse(bytes.toString("utf8")) as unknown);
}

/** Whether an object is chosen by the selectors of a list or a watch. */
export function isChosen(object: Fields, query: URLSearchParams): boolean {
  const metadata = isFields(object["metadata"]) ? object["metadata"] : {};
  const labels = isFields(metadata["labels"]) ? metadata["labels"] : {};
  const terms = (query.get("labelSelector") ?? "").split(/,(?![^(]*\))/).filter((term) => term !== "");
  if (!terms.every((term) => termHolds(term, labels))) return false;
  const fields = (query.get("fieldSelector") ?? "").split(",").filter((term) => term !== "");
  return fields.every((term) => {
    const [, path = "", not, value = ""] = /^([^=!]+)(!?)==?(.*)$/.exec(term) ?? [];
    let at: unknown = object;
    for (const part of path.split(".")) at = isFields(at) ? at[part] : undefined;
    return (textOf(at) === value) !== (not === "!");
  });
}

function termHolds(term: string, labels: Fields): boolean {
  const [, key = "", how = "", list = ""] = /^(\S+)\s+(in|notin)\s+\((.*)\)$/.exec(term.trim()) ?? [];
  if (key !== "") {
    const isIn = list
      .split(",")
      .map((one) => one.trim())
      .includes(textOf(labels[key]));
    return isIn === (how === "in");
  }
  const [, name = "", not, value] = /^([^=!]+?)(!?)(?:==?(.*))?$/.exec(term.replace(/^!/, "").trim()) ?? [];
  if (value === undefined) return name in labels !== term.startsWith("!");
  return (labels[name] === value) !== (not === "!");
}
