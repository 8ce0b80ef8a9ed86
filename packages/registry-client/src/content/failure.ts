import { safeChallenges } from "../auth/realm.ts";
import { RegistryError, type RegistryFailure } from "../registry-error.ts";
import type { Answer } from "../wire/answer.ts";
import { errorBody } from "../wire/buffered-answer.ts";
import type { HopAnswer } from "../wire/hops.ts";
import type { Upstream } from "../wire/upstream.ts";
import { backOffMs, retryAfterMs, single, values } from "./headers.ts";

/** What an answer that is no content means. Reads its body, or lets it go. */
export async function failureOf(upstream: Upstream, { answer, elsewhere }: HopAnswer): Promise<RegistryError> {
  const { status } = answer;
  return new RegistryError(await detailOf(upstream, answer, elsewhere), `${upstream.name} answered ${String(status)}`);
}

/** An answer that contradicts itself or what was asked. */
export function invalidAnswer(upstream: Upstream, what: string): RegistryError {
  return new RegistryError({ code: "invalid-answer", what }, `${upstream.name} sent ${what}`);
}

/** No answer, or none that was whole. */
export function unavailable(upstream: Upstream, cause: unknown): RegistryError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = inner instanceof Error && "code" in inner ? String(inner.code) : "no reason given";
  return new RegistryError({ code: "unavailable" }, `${upstream.name} is not to be had (${code})`, { cause });
}

async function detailOf(upstream: Upstream, answer: Answer, elsewhere: boolean): Promise<RegistryFailure> {
  const { status, headers } = answer;
  // A storage host that refuses a signed link says nothing about what the caller may have at the registry (case 76).
  if (status >= 500 || (elsewhere && [400, 401, 403].includes(status))) {
    answer.discard();
    const wait = retryAfterMs(headers, Date.now());
    return wait === undefined ? { code: "unavailable", status } : { code: "unavailable", status, retryAfterMs: wait };
  }
  if (status === 429) {
    answer.discard();
    return { code: "rate-limited", status, retryAfterMs: backOffMs(headers, Date.now()) };
  }
  const said = { body: await errorBody(answer), contentType: single(headers, "content-type") ?? "" };
  if (status === 401)
    return { code: "unauthorized", status, challenges: safeChallenges(upstream, values(headers, "www-authenticate")), ...said };
  if (status === 403) return { code: "denied", status, ...said };
  if (status === 404 || status === 410) return { code: "not-found", status, ...said };
  return { code: "refused", status, ...said };
}
