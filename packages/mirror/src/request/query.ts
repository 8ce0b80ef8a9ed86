import { read, refuse } from "./problem.ts";
import type { Outcome } from "./problem.ts";

/** The `ns` of a query as the client sent it, decoded; undefined where there is none. Two that differ are refused (case 17). */
export function readNs(query: string): Outcome<string | undefined> {
  let ns: string | undefined;
  for (const parameter of query.split("&")) {
    if (!isNs(parameter)) continue;
    const value = decoded(parameter.slice(parameter.indexOf("=") + 1));
    if (value === undefined || !parameter.includes("=")) return refuse(400, "NAME_INVALID", "ns is not a registry name");
    if (ns !== undefined && ns !== value) return refuse(400, "NAME_INVALID", "ns is given twice with different values");
    ns = value;
  }
  return read(ns);
}

/** The query without `ns`, everything else as it came. */
export function withoutNs(query: string): string {
  return query
    .split("&")
    .filter((parameter) => !isNs(parameter))
    .join("&");
}

function isNs(parameter: string): boolean {
  const equals = parameter.indexOf("=");
  return decoded(equals < 0 ? parameter : parameter.slice(0, equals)) === "ns";
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
