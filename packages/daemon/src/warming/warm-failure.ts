import { RegistryError } from "@darner/registry-client";
import { BlobFailure } from "../peers/blob-failure.ts";
import { StoreError } from "../store/store-error.ts";

/** What is to be done about a content that could not be got. */
export type WarmFailure = {
  /** A sentence for an admin. */
  readonly reason: string;
  /**
   * - `again`: try again in a while; nobody has it yet, or the registry wants a pause
   * - `elsewhere`: the registry refused this credential; another may do
   * - `absent`: the registry does not have it, or does not show it to this credential; where no other may do, of no use on this host
   * - `told`: the scheduler decides whether it is tried again
   * - `final`: of no use on this host
   */
  readonly then: "again" | "elsewhere" | "absent" | "told" | "final";
  readonly retryAfterMs: number;
};

/** Whether a registry's own answer is behind a failure. */
export function isOfRegistry(error: unknown): boolean {
  return error instanceof BlobFailure && error.cause instanceof RegistryError;
}

/** A failure as the sentence and the deed it asks for. */
export function warmFailure(error: unknown): WarmFailure {
  if (error instanceof StoreError) return ofDisk(error);
  if (!(error instanceof BlobFailure)) return { reason: `unexpected: ${String(error)}`, then: "told", retryAfterMs: 0 };
  const { code, retryAfterMs } = error.detail;
  switch (code) {
    case "disk-refused":
      return error.cause instanceof StoreError ? ofDisk(error.cause) : { reason: error.message, then: "final", retryAfterMs };
    case "refused":
      if (isAbsent(error.cause))
        return { reason: `the registry does not have it${becauseOf(error.cause)}: push the image again`, then: "absent", retryAfterMs };
      return { reason: `${error.message}${becauseOf(error.cause)}`, then: "elsewhere", retryAfterMs };
    case "wrong-bytes":
      return { reason: "the registry sends bytes that do not have the digest", then: "told", retryAfterMs };
    case "starved":
    case "limited":
    case "timed-out":
    case "busy":
    case "other-registry":
      return { reason: `${error.message}${becauseOf(error.cause)}`, then: "again", retryAfterMs };
    case "stopping":
    case "not-shown":
      return { reason: error.message, then: "told", retryAfterMs };
  }
}

function ofDisk({ detail, message }: StoreError): WarmFailure {
  if (detail.code !== "no-space") return { reason: `the store of this host failed: ${message}`, then: "told", retryAfterMs: 0 };
  const reason = `no room on this host: ${message}; make store.maxBytes larger or free space on its disk`;
  return { reason, then: "final", retryAfterMs: 0 };
}

function isAbsent(cause: unknown): boolean {
  return cause instanceof RegistryError && cause.detail.code === "not-found";
}

function becauseOf(cause: unknown): string {
  if (!(cause instanceof RegistryError)) return "";
  const status = "status" in cause.detail && typeof cause.detail.status === "number" ? ` (${String(cause.detail.status)})` : "";
  return `: ${cause.message}${status}`;
}
