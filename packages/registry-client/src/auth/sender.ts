import { LruMap, sleep } from "@darner/runtime";
import type { Secret, Timers } from "@darner/runtime";
import { backOffMs, values } from "../content/headers.ts";
import type { Keychain } from "../keychain/keychain.ts";
import type { Authority } from "../registry-client.ts";
import { RegistryError } from "../registry-error.ts";
import { WireError } from "../wire/answer.ts";
import type { BackOff } from "../wire/back-off.ts";
import { buffered } from "../wire/buffered-answer.ts";
import type { HopAnswer, HopRequest, Hops } from "../wire/hops.ts";
import type { RefusedHosts } from "../wire/refused-hosts.ts";
import { parseChallenges } from "./challenge.ts";
import { identityOf, type Identity } from "./identity.ts";
import { safeRealm } from "./realm.ts";
import type { TokenClient, TokenRequest } from "./token-client.ts";

/** A request in somebody's name. */
export type SendRequest = Omit<HopRequest, "authorization" | "url"> & {
  /** Path and query below the registry's root. */
  readonly path: string;
  /** The repository a token is asked for; undefined: none. */
  readonly repository: string | undefined;
  readonly authority: Authority;
  /** How long a pause that the registry asks for is waited out, once; default: not at all. */
  readonly patienceMs?: number;
  /** Give the registry's own 401 where the token service fails; default: reject with the token service's failure. */
  readonly tolerant?: boolean;
};

/** How a registry wants to be spoken to, as its last challenge said. */
type Manner = { readonly scheme: "basic" } | { readonly scheme: "bearer"; readonly token: TokenRequest };
type Grant = { readonly value: Secret; readonly forget: () => void };

// One per registry, repository and identity; forgetting one costs one 401.
const MAX_MANNERS = 4096;
// Asked at the very instant the pause ends, the pause is not over yet.
const PAUSE_MARGIN_MS = 50;

/** Sends requests with the credential they need: waits where told to, answers challenges, renews a token that ended (once per request). */
export class Sender {
  readonly #hops: Hops;
  readonly #tokens: TokenClient;
  readonly #backOff: BackOff;
  readonly #refused: RefusedHosts;
  readonly #keychain: Keychain | undefined;
  readonly #timers: Timers;
  readonly #manners = new LruMap<string, Manner>({ maxEntries: MAX_MANNERS });

  constructor(parts: {
    hops: Hops;
    tokens: TokenClient;
    backOff: BackOff;
    refused: RefusedHosts;
    keychain: Keychain | undefined;
    timers: Timers;
  }) {
    this.#hops = parts.hops;
    this.#tokens = parts.tokens;
    this.#backOff = parts.backOff;
    this.#refused = parts.refused;
    this.#keychain = parts.keychain;
    this.#timers = parts.timers;
  }

  /** Rejects with `RegistryError` (`rate-limited`, `host-refused`, `refused`, `unavailable`), `WireError` or the signal's reason. */
  async send(request: SendRequest): Promise<HopAnswer> {
    const identity = await identityOf(request.upstream, request.repository, request.authority, this.#keychain);
    try {
      const sent = await this.#sendUnlessPaused(request, identity);
      if (sent.answer.status !== 429 || !(await this.#waitedOut(request, identity))) return sent;
      sent.answer.discard();
    } catch (error) {
      if (!isPause(error) || !(await this.#waitedOut(request, identity))) throw error;
    }
    return this.#sendUnlessPaused(request, identity);
  }

  /** Whether the pause that this registry asked of this identity was short enough to be waited out. */
  async #waitedOut({ upstream, patienceMs = 0, signal }: SendRequest, identity: Identity): Promise<boolean> {
    const pauseMs = this.#backOff.pauseMs(upstream.name, identity.key);
    if (patienceMs === 0 || pauseMs > patienceMs) return false;
    await sleep(pauseMs + PAUSE_MARGIN_MS, signal, this.#timers);
    return true;
  }

  async #sendUnlessPaused(request: SendRequest, identity: Identity): Promise<HopAnswer> {
    const { upstream } = request;
    this.#backOff.check(upstream.name, identity.key);
    try {
      return await this.#sendAs(request, identity);
    } catch (error) {
      if (error instanceof RegistryError && error.detail.code === "rate-limited") {
        this.#backOff.note(upstream.name, identity.key, error.detail.retryAfterMs);
      }
      throw error;
    }
  }

  async #sendAs(request: SendRequest, identity: Identity): Promise<HopAnswer> {
    if (identity.authorization !== undefined) return this.#hop(request, identity, identity.authorization);
    const key = mannerKey(request, identity);
    const known = await this.#known(key, identity, request.signal);
    const sent = await this.#hop(request, identity, known?.value);
    if (sent.answer.status !== 401 || sent.elsewhere) return sent;
    known?.forget();
    const refusal = { answer: await buffered(sent.answer), elsewhere: false };
    const grant = await this.#answerChallenge(request, identity, key, refusal, known);
    if (grant === undefined) return refusal;
    const again = await this.#hop(request, identity, grant.value);
    if (again.answer.status === 401 && !again.elsewhere) grant.forget();
    return again;
  }

  async #hop(request: SendRequest, identity: Identity, authorization: Secret | undefined): Promise<HopAnswer> {
    const { upstream, path } = request;
    const url = new URL(upstream.base.href.replace(/\/+$/, "") + path);
    const sent = await this.#hops.follow({ ...request, url, authorization });
    const { status, headers } = sent.answer;
    if (status === 429) this.#backOff.note(upstream.name, identity.key, backOffMs(headers, Date.now()));
    return sent;
  }

  /** The credential the registry took last time. */
  async #known(key: string, identity: Identity, signal: AbortSignal | undefined): Promise<Grant | undefined> {
    const manner = this.#manners.get(key);
    if (manner === undefined) return undefined;
    if (manner.scheme === "basic")
      return identity.basic === undefined ? undefined : { value: identity.basic, forget: () => this.#manners.delete(key) };
    try {
      return this.#granted(manner.token, await this.#tokens.token(manner.token, signal));
    } catch (error) {
      if (!isTokenRefusal(error)) throw error;
      // The registry itself says best what it wants now.
      this.#manners.delete(key);
      return undefined;
    }
  }

  async #answerChallenge(
    request: SendRequest,
    identity: Identity,
    key: string,
    refusal: HopAnswer,
    tried: Grant | undefined,
  ): Promise<Grant | undefined> {
    const manner = this.#mannerOf(request, identity, values(refusal.answer.headers, "www-authenticate"));
    if (manner === undefined) return undefined;
    this.#manners.set(key, manner);
    if (manner.scheme === "basic") {
      const basic = identity.basic;
      return basic === undefined || tried?.value === basic ? undefined : { value: basic, forget: () => this.#manners.delete(key) };
    }
    try {
      return this.#granted(manner.token, await this.#tokens.token(manner.token, request.signal));
    } catch (error) {
      if (isTokenRefusal(error)) return undefined;
      const failed = error instanceof WireError || (error instanceof RegistryError && error.detail.code !== "rate-limited");
      if (failed && request.tolerant === true) return undefined;
      throw error;
    }
  }

  #granted(token: TokenRequest, value: Secret): Grant {
    return { value, forget: () => this.#tokens.forget(token, value) };
  }

  #mannerOf({ upstream, repository }: SendRequest, identity: Identity, headers: readonly string[]): Manner | undefined {
    const challenges = parseChallenges(headers);
    for (const { scheme, params } of challenges) {
      const named = params.get("realm");
      if (scheme !== "bearer" || named === undefined) continue;
      const realm = safeRealm(upstream, named);
      if (realm === undefined) this.#refused.noteRealm(upstream.name, URL.canParse(named) ? new URL(named).host : "");
      else {
        const scope = params.get("scope") ?? (repository === undefined ? undefined : `repository:${repository}:pull`);
        const token = {
          upstream,
          realm,
          service: params.get("service"),
          scope,
          identity: identity.key,
          basic: identity.basic,
          refresh: identity.refresh,
        };
        return { scheme: "bearer", token };
      }
    }
    return identity.basic !== undefined && challenges.some(({ scheme }) => scheme === "basic") ? { scheme: "basic" } : undefined;
  }
}

function isPause(error: unknown): boolean {
  return error instanceof RegistryError && error.detail.code === "rate-limited";
}

function isTokenRefusal(error: unknown): boolean {
  return error instanceof RegistryError && (error.detail.code === "refused" || error.detail.code === "invalid-answer");
}

function mannerKey({ upstream, repository }: SendRequest, identity: Identity): string {
  return `${upstream.name} ${repository ?? ""} ${identity.key}`;
}
