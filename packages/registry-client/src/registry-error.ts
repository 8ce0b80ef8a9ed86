import { DarnerError } from "@darner/domain";

/** Why a registry did not give what was asked. */
export type RegistryFailure =
  /** 401, also after a token was fetched where that was possible; challenges are the WWW-Authenticate values as they came. */
  | {
      readonly code: "unauthorized";
      readonly status: 401;
      readonly challenges: readonly string[];
      readonly body: Uint8Array;
      readonly contentType: string;
    }
  /** 403. */
  | { readonly code: "denied"; readonly status: 403; readonly body: Uint8Array; readonly contentType: string }
  /** 404 (or 410). */
  | { readonly code: "not-found"; readonly status: number; readonly body: Uint8Array; readonly contentType: string }
  /** 429: ask again after `retryAfterMs` (the registry's word, or a default). */
  | { readonly code: "rate-limited"; readonly status: 429; readonly retryAfterMs: number }
  /** Another 4xx or 3xx that cannot be followed. */
  | { readonly code: "refused"; readonly status: number; readonly body: Uint8Array; readonly contentType: string }
  /** 5xx, no connection, no answer in time, or a stream that broke too often. */
  | { readonly code: "unavailable"; readonly status?: number; readonly retryAfterMs?: number }
  /** An answer that contradicts itself or what was asked: wrong Content-Range, a body of another length, an HTML page. */
  | { readonly code: "invalid-answer"; readonly what: string }
  /** A Range was answered with the whole blob. */
  | { readonly code: "range-ignored" }
  /** Darner will not dial this host: not allowed, or it resolves to an address that is not. */
  | { readonly code: "host-refused"; readonly host: string; readonly reason: string };

/** The one error of this package. */
export class RegistryError extends DarnerError<RegistryFailure> {}
