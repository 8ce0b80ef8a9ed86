import type { OutgoingHttpHeaders } from "node:http";
import type { Exchange } from "../connection/exchange.ts";
import type { OciCode, Refused } from "../mirror-backend.ts";
import type { Problem } from "../request/problem.ts";
import { isHeaderValue, relayableChallenges } from "./header-value.ts";

/** An error body as the distribution spec has it (contract 1.11). */
export function errorBody(code: OciCode, message: string): Buffer {
  return Buffer.from(`${JSON.stringify({ errors: [{ code, message }] })}\n`);
}

/** Answers with an error of the mirror's own. */
export function answerProblem(exchange: Exchange, problem: Problem, headers: OutgoingHttpHeaders = {}): void {
  const body = errorBody(problem.code, problem.message);
  exchange.begin(problem.status, { "Content-Type": "application/json", "Content-Length": body.length, ...headers });
  exchange.finish(body);
}

/** Answers what the backend refused, with the registry's own body and challenges where it had any. */
export function answerRefused(exchange: Exchange, refused: Refused): void {
  const status = clientStatus(refused.status);
  const retry = refused.retryAfterSeconds === undefined ? {} : { "Retry-After": String(Math.ceil(refused.retryAfterSeconds)) };
  const challenges = relayableChallenges(refused.challenges ?? [], exchange.isLoopback);
  if (status === 401 && challenges === "withheld") {
    answerProblem(exchange, WITHHELD);
    return;
  }
  const ask = status === 401 && challenges !== "withheld" && challenges.length > 0 ? { "WWW-Authenticate": challenges } : {};
  if (refused.body === undefined || !isHeaderValue(refused.body.contentType)) {
    answerProblem(exchange, { ...refused, status }, { ...retry, ...ask });
    return;
  }
  const { bytes, contentType } = refused.body;
  exchange.begin(status, { "Content-Type": contentType, "Content-Length": bytes.length, ...retry, ...ask });
  exchange.finish(bytes);
}

/** A password would cross the network in the clear (contract 4.4): the client is sent to the registry itself. */
export const WITHHELD: Problem = {
  status: 404,
  code: "NAME_UNKNOWN",
  message: "the registry asks for a password, which this mirror does not take over an unencrypted network",
};

/**
 * The status a client may see: 429 and 408 make containerd try again at once, without delay, a 3xx ends its pull and a late 1xx or
 * 2xx would be a lie (contract 1.12, 2.4).
 */
export function clientStatus(status: number): number {
  if (status === 429 || status === 408) return 503;
  return Number.isInteger(status) && status >= 400 && status <= 599 ? status : 502;
}
