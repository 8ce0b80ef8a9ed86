import type { OciCode, Refused } from "@darner/mirror";
import { RegistryError, type RegistryFailure } from "@darner/registry-client";
import { BlobFailure, type BlobFailureDetail } from "../peers/blob-failure.ts";
import { StoreError } from "../store/store-error.ts";

/** A refusal of the daemon's own. */
export function refused(status: number, code: OciCode, message: string, retryAfterSeconds?: number): Refused {
  return { kind: "refused", status, code, message, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

/** The one table from what can go wrong behind the mirror to what the client is told (contracts/registry-mirror.md 1.11, 1.12). `unknown` names what was not found. */
export function refusalOf(error: unknown, unknown: OciCode): Refused {
  if (error instanceof RegistryError) return registryRefusal(error.detail, error.message, unknown);
  if (error instanceof BlobFailure) return blobRefusal(error.detail, error, unknown);
  if (error instanceof StoreError) return refused(503, unknown, `this host cannot store the blob: ${error.message}`);
  throw error;
}

function registryRefusal(failure: RegistryFailure, message: string, unknown: OciCode): Refused {
  switch (failure.code) {
    case "unauthorized":
      // A challenge that names a stranger's realm is not shown: whoever answered it would hand out its secret (contract, case 79).
      if (failure.challenges.length === 0)
        return refused(404, unknown, "the registry asks for a credential in a way that cannot be passed on");
      return { ...refused(401, "UNAUTHORIZED", message), challenges: failure.challenges, ...bodyOf(failure) };
    case "denied":
      return { ...refused(403, "DENIED", message), ...bodyOf(failure) };
    case "not-found":
      return { ...refused(404, unknown, message), ...bodyOf(failure) };
    case "host-refused":
      return refused(404, "NAME_UNKNOWN", message);
    case "refused":
      return failure.status >= 400
        ? { ...refused(failure.status, "UNSUPPORTED", message), ...bodyOf(failure) }
        : refused(502, unknown, message);
    // Never 429: containerd would ask this mirror five more times at once.
    case "rate-limited":
      return refused(503, "TOOMANYREQUESTS", message, Math.ceil(failure.retryAfterMs / 1000));
    case "unavailable":
      return refused(503, unknown, message);
    case "invalid-answer":
    case "range-ignored":
      return refused(502, unknown, message);
  }
}

function blobRefusal(failure: BlobFailureDetail, error: BlobFailure, unknown: OciCode): Refused {
  switch (failure.code) {
    case "refused":
      return error.cause instanceof RegistryError
        ? registryRefusal(error.cause.detail, error.cause.message, unknown)
        : refused(503, unknown, error.message);
    case "wrong-bytes":
      return refused(502, unknown, error.message);
    case "limited":
      return refused(503, "TOOMANYREQUESTS", error.message, Math.ceil(failure.retryAfterMs / 1000));
    case "not-shown":
    case "starved":
    case "disk-refused":
    case "timed-out":
    case "busy":
    case "other-registry":
    case "stopping":
      return refused(503, unknown, error.message);
  }
}

function bodyOf({ body, contentType }: { readonly body: Uint8Array; readonly contentType: string }): Pick<Refused, "body"> {
  return body.length === 0 ? {} : { body: { bytes: body, contentType } };
}
