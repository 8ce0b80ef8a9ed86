import { LruMap, Secret, SingleFlight, systemClock } from "@darner/runtime";
import type { Timers } from "@darner/runtime";
import { backOffMs } from "../content/headers.ts";
import { RegistryError } from "../registry-error.ts";
import type { HopAnswer, Hops } from "../wire/hops.ts";
import type { Upstream } from "../wire/upstream.ts";

/** A token as a challenge asks for it, for one identity at one registry. */
export type TokenRequest = {
  readonly upstream: Upstream;
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scope: string | undefined;
  /** In whose name: a key for the cache, no secret. */
  readonly identity: string;
  /** `Basic …` of that identity; undefined: an anonymous token. */
  readonly basic: Secret | undefined;
  /** An identity token of that identity, which the service changes for an access token. */
  readonly refresh: Secret | undefined;
};

type Token = { readonly value: Secret; readonly renewAt: number };

// distribution's token spec: a token without expires_in lives 60 s, and none lives less.
const MIN_LIFE_SECONDS = 60;
// A day: longer lives are cut, so that a token withdrawn at the registry is not carried about for ever.
const MAX_LIFE_SECONDS = 86_400;
// At four fifths of its life a token is renewed, so that none ends between here and the registry.
const RENEW_AT = 0.8;
// One token per registry, repository and identity: 1000 are more repositories than a node pulls from at a time.
const MAX_TOKENS = 1000;
// A token of 64 KiB is the most a header carries here; JSON around it and an id token beside it fit four times over.
const MAX_ANSWER_BYTES = 256 * 1024;

// Services that only know OAuth2 (POST) answer a GET so.
const NO_GET: ReadonlySet<number> = new Set([404, 405]);
// Who asks, as OAuth2 wants to know it.
const CLIENT_ID = "darner";

/** Fetches Bearer tokens (distribution's token spec: GET, or OAuth2 by POST) and keeps them for as long as they live. */
export class TokenClient {
  readonly #hops: Hops;
  readonly #timers: Timers;
  readonly #tokens: LruMap<string, Token>;
  readonly #flights = new SingleFlight<string, Token>();

  constructor(hops: Hops, timers: Timers = systemClock) {
    this.#hops = hops;
    this.#timers = timers;
    this.#tokens = new LruMap({ maxEntries: MAX_TOKENS, clock: timers });
  }

  /** A token that is still good for a while; rejects as `fetch` does. */
  async token(request: TokenRequest, signal?: AbortSignal): Promise<Secret> {
    const key = keyOf(request);
    const known = this.#tokens.get(key);
    if (known !== undefined && this.#timers.now() < known.renewAt) return known.value;
    try {
      return (await this.#flights.run(key, (leaving) => this.#fetch(request, leaving), signal)).value;
    } catch (error) {
      // The old one still lives: a token service that is down for a moment stops nobody.
      const old = this.#tokens.get(key);
      if (old !== undefined && signal?.aborted !== true) return old.value;
      throw error;
    }
  }

  /** Drops a token the registry did not take; a newer one that came meanwhile stays. */
  forget(request: TokenRequest, value: Secret): void {
    const key = keyOf(request);
    if (this.#tokens.peek(key)?.value === value) this.#tokens.delete(key);
  }

  async #fetch(request: TokenRequest, signal: AbortSignal): Promise<Token> {
    const { text, lifeSeconds } = await readToken(request.upstream.name, await this.#ask(request, signal));
    const lifeMs = Math.min(Math.max(lifeSeconds, MIN_LIFE_SECONDS), MAX_LIFE_SECONDS) * 1000;
    const token = { value: new Secret(`Bearer ${text}`), renewAt: this.#timers.now() + lifeMs * RENEW_AT };
    this.#tokens.set(keyOf(request), token, lifeMs);
    return token;
  }

  async #ask(request: TokenRequest, signal: AbortSignal): Promise<HopAnswer> {
    if (request.refresh !== undefined) {
      return this.#post(request, { grant_type: "refresh_token", refresh_token: request.refresh.reveal() }, signal);
    }
    const { upstream, realm, service, scope, basic } = request;
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set("service", service);
    for (const part of scope?.split(" ") ?? []) if (part !== "") url.searchParams.append("scope", part);
    const headers = { accept: "application/json" };
    const got = await this.#hops.follow({ upstream, url, method: "GET", purpose: "token", headers, authorization: basic, signal });
    if (basic === undefined || !NO_GET.has(got.answer.status)) return got;
    got.answer.discard();
    const [username = "", ...password] = Buffer.from(basic.reveal().slice("Basic ".length), "base64").toString("utf8").split(":");
    return this.#post(request, { grant_type: "password", username, password: password.join(":") }, signal);
  }

  #post({ upstream, realm, service, scope }: TokenRequest, grant: Record<string, string>, signal: AbortSignal): Promise<HopAnswer> {
    const form = new URLSearchParams({ ...grant, client_id: CLIENT_ID, ...(service && { service }), ...(scope && { scope }) });
    const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
    const body = new Secret(form.toString());
    return this.#hops.follow({ upstream, url: new URL(realm), method: "POST", purpose: "token", headers, body, signal });
  }
}

async function readToken(registry: string, { answer }: HopAnswer): Promise<{ text: string; lifeSeconds: number }> {
  const { status, headers } = answer;
  if (status !== 200) answer.discard();
  if (status === 429) {
    const detail = { code: "rate-limited", status: 429, retryAfterMs: backOffMs(headers, Date.now()) } as const;
    throw new RegistryError(detail, `the token service of ${registry} asks for a pause`);
  }
  if (status >= 500)
    throw new RegistryError({ code: "unavailable", status }, `the token service of ${registry} answered ${String(status)}`);
  if (status !== 200) {
    const detail = { code: "refused", status, body: new Uint8Array(), contentType: "" } as const;
    throw new RegistryError(detail, `the token service of ${registry} answered ${String(status)}`);
  }
  const token = tokenIn(await answer.bytes(MAX_ANSWER_BYTES));
  if (token !== undefined) return token;
  throw new RegistryError(
    { code: "invalid-answer", what: "a token answer without a token" },
    `the token service of ${registry} sent no token`,
  );
}

function tokenIn(body: Uint8Array | undefined): { text: string; lifeSeconds: number } | undefined {
  const parsed = body === undefined ? undefined : jsonObject(body);
  const text = [parsed?.["token"], parsed?.["access_token"]].find((value) => typeof value === "string" && value !== "");
  // Only what may stand in a header: a token is no place for a line break.
  if (typeof text !== "string" || !/^[\x21-\x7e]+$/.test(text)) return undefined;
  const life = parsed?.["expires_in"];
  return { text, lifeSeconds: typeof life === "number" && Number.isFinite(life) ? life : MIN_LIFE_SECONDS };
}

function jsonObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function keyOf({ upstream, realm, service, scope, identity }: TokenRequest): string {
  return JSON.stringify([upstream.name, realm.href, service, scope, identity]);
}
