import type { Repository } from "@darner/domain";
import { LruMap, SingleFlight, type CredentialsConfig, type Logger, type Timers } from "@darner/runtime";
import { fingerprintOf, readCredentialFiles, type FoundFile } from "./credential-files.ts";
import { askHelper, type HelperAnswer } from "./credential-helper.ts";
import { byCloseness, isFor } from "./credential-place.ts";
import { readDockerConfig, type Keeper, type KeyEntry } from "./docker-config.ts";
import type { Keychain, OwnCredential } from "./keychain.ts";

/** What a keychain works with. */
export type KeychainDeps = {
  readonly log: Logger;
  readonly timers: Timers;
  /** The environment of this process, of which helpers see PATH, HOME and what the configuration names. */
  readonly env: Readonly<Record<string, string | undefined>>;
};

// How soon a changed file counts: Kubernetes itself takes a minute to bring one.
const LOOK_EVERY_MS = 1000;
// Clouds' tokens live an hour or more; a helper asked every five minutes is no load and serves none that has ended.
const ANSWER_MS = 300_000;
// A helper that failed or knew nothing is asked again soon: somebody may be mending it.
const NO_ANSWER_MS = 30_000;
// One answer per helper and registry: more registries than a cluster pulls from.
const MAX_ANSWERS = 1000;
// Problems already told of; who has more different ones is told of some of them twice.
const MAX_TOLD = 256;

/** What the files say together, the closest place first. */
type Ring = { readonly entries: readonly KeyEntry[]; readonly stores: readonly string[] };

const EMPTY: Ring = { entries: [], stores: [] };

/** Reads docker configurations and pull secrets, again whenever they change, and asks the helpers they name. Resolves when all were read once. */
export async function openKeychain(config: CredentialsConfig, deps: KeychainDeps): Promise<Keychain> {
  const keychain = new FileKeychain(config, deps);
  await keychain.look();
  return keychain;
}

class FileKeychain implements Keychain {
  readonly #config: CredentialsConfig;
  readonly #deps: KeychainDeps;
  readonly #helperEnv: Readonly<Record<string, string>>;
  readonly #answers: LruMap<string, HelperAnswer>;
  readonly #asking = new SingleFlight<string, HelperAnswer>();
  readonly #told = new LruMap<string, true>({ maxEntries: MAX_TOLD });
  #ring = EMPTY;
  #fingerprint: string | undefined;
  #lookedAt = -Infinity;
  #looking: Promise<void> | undefined;

  constructor(config: CredentialsConfig, deps: KeychainDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#helperEnv = helperEnvironment(config, deps.env);
    this.#answers = new LruMap({ maxEntries: MAX_ANSWERS, clock: deps.timers });
  }

  covers(repository: Repository): boolean {
    if (this.#config.files.length + this.#config.directories.length === 0) return false;
    void this.#lookSometimes();
    for (const keeper of this.#keepersOf(repository)) {
      if (keeper.kind === "here") return true;
      const answer = this.#answers.get(answerKey(keeper));
      if (answer?.kind === "found") return true;
      if (answer === undefined) void this.#ask(keeper);
    }
    return false;
  }

  async find(repository: Repository): Promise<OwnCredential | undefined> {
    await this.#lookSometimes();
    for (const keeper of this.#keepersOf(repository)) {
      if (keeper.kind === "here") return keeper.credential;
      const answer = this.#answers.get(answerKey(keeper)) ?? (await this.#ask(keeper));
      if (answer.kind === "found") return answer.credential;
    }
    return undefined;
  }

  /** Reads the files where they changed since the last look. */
  async look(): Promise<void> {
    const fingerprint = await fingerprintOf(this.#config);
    this.#lookedAt = this.#deps.timers.now();
    if (fingerprint === this.#fingerprint) return;
    const files = await readCredentialFiles(this.#config);
    this.#fingerprint = fingerprint;
    this.#ring = this.#ringOf(files);
  }

  #lookSometimes(): Promise<void> {
    if (this.#deps.timers.now() - this.#lookedAt < LOOK_EVERY_MS) return Promise.resolve();
    this.#looking ??= this.look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  #ringOf(files: readonly FoundFile[]): Ring {
    const entries: KeyEntry[] = [];
    const stores: string[] = [];
    for (const file of files) {
      if ("problem" in file) {
        this.#warn(file.path, file.problem);
        continue;
      }
      const config = readDockerConfig(file.text);
      for (const problem of config.problems) this.#warn(file.path, problem);
      entries.push(...config.entries);
      if (config.store !== undefined) stores.push(config.store);
    }
    // The sort is stable: of two for the same place the file named first wins.
    return { entries: entries.sort((a, b) => byCloseness(a.place, b.place)), stores };
  }

  *#keepersOf(repository: Repository): Iterable<Keeper> {
    for (const { place, keeper } of this.#ring.entries) if (isFor(place, repository)) yield keeper;
    for (const helper of this.#ring.stores) yield { kind: "helper", helper, server: serverName(repository) };
  }

  #ask(keeper: Keeper & { readonly kind: "helper" }): Promise<HelperAnswer> {
    const key = answerKey(keeper);
    return this.#asking.run(key, async () => {
      const answer = await askHelper(keeper.helper, keeper.server, this.#helperEnv);
      if (answer.kind === "failed") this.#warn(`docker-credential-${keeper.helper}`, answer.why);
      this.#answers.set(key, answer, answer.kind === "found" ? ANSWER_MS : NO_ANSWER_MS);
      return answer;
    });
  }

  #warn(path: string, problem: string): void {
    const told = `${path} ${problem}`;
    if (this.#told.has(told)) return;
    this.#told.set(told, true);
    this.#deps.log.warn("credential not usable, the registry is read without it", { path, problem, see: "credentials in docs/config.md" });
  }
}

function helperEnvironment(config: CredentialsConfig, env: KeychainDeps["env"]): Record<string, string> {
  const names = new Set(["PATH", "HOME", ...config.helperEnvironment]);
  return Object.fromEntries([...names].flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const])));
}

/** How docker names a registry to a helper. */
function serverName({ registry }: Repository): string {
  return registry === "docker.io" ? "https://index.docker.io/v1/" : registry;
}

function answerKey({ helper, server }: { readonly helper: string; readonly server: string }): string {
  return `${helper} ${server}`;
}
