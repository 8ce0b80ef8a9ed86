import { safeChallenges } from "../auth/realm.ts";
import type { Relayed, RelayRequest } from "../registry-client.ts";
import { RegistryError } from "../registry-error.ts";
import type { Upstream } from "../wire/upstream.ts";
import type { ContentParts } from "./content-client.ts";
import { invalidAnswer } from "./failure.ts";
import { isEncoded, values, type Headers } from "./headers.ts";

// A page of tags or referrers; the largest lists known (tens of thousands of tags) are a few MiB.
const MAX_RELAYED_BYTES = 16 * 1024 * 1024;

// Of this connection, of the body's framing, or between Darner and the registry only.
const NOT_PASSED_ON: ReadonlySet<string> = new Set(
  "connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade content-length content-encoding set-cookie oci-namespace alt-svc strict-transport-security".split(
    " ",
  ),
);
// What a client's request may bring along; everything else is Darner's own business with the registry.
const ASKED: ReadonlySet<string> = new Set(["accept"]);

/** GETs a listing or a ping and hands on the answer, whatever its status. */
export async function relay({ sender }: ContentParts, upstream: Upstream, request: RelayRequest): Promise<Relayed> {
  const { path, repository, authority, signal } = request;
  const headers = Object.fromEntries(
    Object.entries(request.headers ?? {}).flatMap(([name, value]) => (ASKED.has(name.toLowerCase()) ? [[name.toLowerCase(), value]] : [])),
  );
  if (!/^\/v2\/[\x21-\x7e]*$/.test(path)) {
    throw new RegistryError({ code: "refused", status: 400, body: new Uint8Array(), contentType: "" }, "only paths below /v2/ are relayed");
  }
  const { answer } = await sender.send({
    upstream,
    path,
    repository,
    authority,
    method: "GET",
    purpose: "relay",
    headers,
    signal,
    tolerant: true,
  });
  if (isEncoded(answer.headers)) {
    answer.discard();
    throw invalidAnswer(upstream, "an encoded listing");
  }
  const body = await answer.bytes(MAX_RELAYED_BYTES);
  if (body === undefined) throw invalidAnswer(upstream, `a listing of more than ${String(MAX_RELAYED_BYTES)} bytes`);
  return { status: answer.status, headers: passedOn(upstream, answer.headers), body };
}

function passedOn(upstream: Upstream, headers: Headers): Record<string, string | readonly string[]> {
  // Connection names further headers that are of this connection only (RFC 9110 section 7.6.1).
  const named = values(headers, "connection").flatMap((value) => value.toLowerCase().split(/[\s,]+/));
  const passed: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || NOT_PASSED_ON.has(name) || named.includes(name) || name === "www-authenticate") continue;
    passed[name] = value;
  }
  const challenges = safeChallenges(upstream, values(headers, "www-authenticate"));
  if (challenges.length > 0) passed["www-authenticate"] = challenges;
  return passed;
}
