import { join } from "node:path";
import { objectName, readSecret, writeConfigMap, writeSecret, type ApiServerConfig } from "@darner/kubernetes";
import { API_TOKEN_FILE, openSigningKey, SIGNING_KEY_FILE, writeFingerprint } from "@darner/membership";
import { readIfThere, sleep, StartError, writeWhole, type Config, type Logger, type Timers } from "@darner/runtime";
import { openApiTokens } from "../http/api-tokens.ts";

/** What sharing works with. */
export type SharedKeysDeps = { readonly log: Logger; readonly timers: Timers };

/** The values of the Secret; each is a file of the same name in a scheduler's folder. */
const SHARED = [SIGNING_KEY_FILE, API_TOKEN_FILE] as const;

// A pod's network may come a moment after the pod; what is wrong for longer is told, and Kubernetes starts the pod again.
const TRIES = 10;
const PAUSE_MS = 1000;
// A token that was changed in the Secret counts this soon.
const LOOK_MS = 30_000;

/**
 * Makes this scheduler's signing key and API token those that all schedulers of the cluster share: what the Secret holds is taken over,
 * what it lacks is made here and kept there; of several first starts at once the first one counts.
 * Rejects with `StartError` where the Secret cannot be had and nothing is known of what it held.
 */
export async function openSharedKeys(config: Config, dir: string, deps: SharedKeysDeps): Promise<AsyncDisposable> {
  const { secret } = config.join.kubernetes;
  if (secret === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const keys = new SharedKeys(apiOf(config), secret, dir, deps.log);
  await keys.settle(deps.timers);
  return inBackground(async (leaving) => {
    for (;;) {
      await sleep(LOOK_MS, leaving, deps.timers);
      await keys.follow();
    }
  });
}

/** Tells the daemons the fingerprint of the signing key, as soon as the API server lets it, and again should somebody empty the ConfigMap. */
export function tellFingerprint(config: Config, publicKey: Uint8Array, { log, timers }: SharedKeysDeps): AsyncDisposable {
  const { configMap } = config.join.kubernetes;
  return inBackground(async (leaving) => {
    let isTold = false;
    while (configMap !== undefined) {
      try {
        await writeConfigMap(apiOf(config), objectName(configMap), { fingerprint: writeFingerprint(publicKey) });
        if (!isTold) log.info("fingerprint told", { configMap });
        isTold = true;
      } catch (error) {
        log.warn("fingerprint cannot be told to the daemons; those that are no members yet wait for it", { configMap, error });
      }
      await sleep(isTold ? LOOK_MS : PAUSE_MS * TRIES, leaving, timers);
    }
  });
}

class SharedKeys {
  readonly #api: ApiServerConfig;
  readonly #secret: string;
  readonly #dir: string;
  readonly #log: Logger;

  constructor(api: ApiServerConfig, secret: string, dir: string, log: Logger) {
    this.#api = api;
    this.#secret = secret;
    this.#dir = dir;
    this.#log = log;
  }

  async settle(timers: Timers): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        if (await this.#exchange()) return;
      } catch (cause) {
        if (cause instanceof StartError) throw cause;
        this.#log.warn("keys of the cluster cannot be had from the API server yet", { secret: this.#secret, error: cause });
        if (tries < TRIES) await sleep(PAUSE_MS, undefined, timers);
        else if (await this.#isKept()) return;
        else throw notHad(this.#secret, cause);
      }
    }
  }

  /** Takes over what was changed in the Secret since, and puts back what somebody emptied. */
  async follow(): Promise<void> {
    try {
      const { values } = await readSecret(this.#api, objectName(this.#secret));
      if (SHARED.some((name) => (values[name] ?? "").trim() === "")) {
        this.#log.warn("keys of the cluster are gone from the secret and are put back", { secret: this.#secret });
        await this.#exchange();
        return;
      }
      const token = values[API_TOKEN_FILE];
      if (token !== undefined && (await this.#takeOver(API_TOKEN_FILE, token)))
        this.#log.info("token of the api changed", { secret: this.#secret });
      const key = values[SIGNING_KEY_FILE];
      if (key !== undefined && key !== (await readIfThere(join(this.#dir, SIGNING_KEY_FILE))))
        this.#log.error("the signing key in the secret is another one now: it counts after a restart, and all hosts join anew", {
          secret: this.#secret,
        });
    } catch (error) {
      this.#log.warn("keys of the cluster cannot be looked at; those known here go on", { secret: this.#secret, error });
    }
  }

  /** True once this folder and the Secret hold the same. */
  async #exchange(): Promise<boolean> {
    const { version, values } = await readSecret(this.#api, objectName(this.#secret));
    for (const name of SHARED) {
      const value = values[name];
      if (value !== undefined && value.trim() !== "") await this.#takeOver(name, value);
    }
    // What is not there by now is made.
    await openSigningKey(this.#dir, undefined);
    await openApiTokens(this.#dir, {}, this.#log);
    const lacking = SHARED.filter((name) => (values[name] ?? "").trim() === "");
    if (lacking.length === 0) return true;
    const made = await Promise.all(lacking.map(async (name) => [name, (await readIfThere(join(this.#dir, name))) ?? ""] as const));
    const written = await writeSecret(this.#api, objectName(this.#secret), { version, values: Object.fromEntries(made) });
    if (written === "written") this.#log.info("keys of the cluster made", { secret: this.#secret, values: lacking });
    return written === "written";
  }

  async #takeOver(name: string, value: string): Promise<boolean> {
    const path = join(this.#dir, name);
    if ((await readIfThere(path)) === value) return false;
    await writeWhole(path, value);
    return true;
  }

  async #isKept(): Promise<boolean> {
    const kept = await Promise.all(SHARED.map((name) => readIfThere(join(this.#dir, name))));
    return kept.every((text) => text !== undefined);
  }
}

function apiOf({ join: { kubernetes } }: Config): ApiServerConfig {
  return { apiServer: kubernetes.apiServer, caFile: kubernetes.caFile, tokenFile: kubernetes.reviewerTokenFile };
}

function notHad(secret: string, cause: unknown): StartError {
  const message =
    `the secret ${secret} (join.kubernetes.secret) cannot be had: ${cause instanceof Error ? cause.message : String(cause)}; ` +
    "it must exist, and the role of the scheduler's service account must allow get and patch of it by name";
  return new StartError({ code: "file-unusable", path: secret, key: "join.kubernetes.secret" }, message, { cause });
}

function inBackground(work: (leaving: AbortSignal) => Promise<void>): AsyncDisposable {
  const leaving = new AbortController();
  const done = work(leaving.signal).catch(() => undefined);
  return {
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await done;
    },
  };
}
