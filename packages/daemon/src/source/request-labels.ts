import { STATUS_CODES } from "node:http";
import type { RequestFinished } from "@darner/registry-client";

/** The labels of a request to a registry. */
export type RequestLabels = { readonly registry: string; readonly status: string };

/**
 * Labels for requests to registries: the registry is one of those configured, docker.io or `other`, because clients name registries as
 * they like; the status one that HTTP knows, `error` or `other`.
 */
export function requestLabels(configured: readonly string[]): (request: Pick<RequestFinished, "registry" | "status">) => RequestLabels {
  const known = new Set([...configured, "docker.io"]);
  return ({ registry, status }) => ({
    registry: known.has(registry) ? registry : "other",
    status: status === "error" || STATUS_CODES[status] !== undefined ? String(status) : "other",
  });
}
