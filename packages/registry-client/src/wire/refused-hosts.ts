import { LruMap, type Logger } from "@darner/runtime";
import type { RefusedHost } from "../config.ts";
import { RegistryError } from "../registry-error.ts";
import { DENIED } from "./host-name.ts";

// Refused names already told of; who sends more different ones than this is told of some of them twice.
const MAX_TOLD = 256;

/** Tells the operator once of each host that was not dialled, with the line that would allow it. */
export class RefusedHosts {
  readonly #log: Logger;
  readonly #onRefused: (refused: RefusedHost) => void;
  readonly #told = new LruMap<string, true>({ maxEntries: MAX_TOLD });

  constructor(log: Logger, onRefused: (refused: RefusedHost) => void = () => undefined) {
    this.#log = log;
    this.#onRefused = onRefused;
  }

  /** A request that ended because a host may not be dialled; any other end is none of this. */
  note(error: unknown): void {
    if (!(error instanceof RegistryError) || error.detail.code !== "host-refused") return;
    const { host, reason } = error.detail;
    const add = reason === DENIED ? "mirror: { deny: [] }, without the pattern of this host" : `registries: { "${host}": {} }`;
    this.#tell("upstream host refused", { host, reason, add });
  }

  /** A registry that wants credentials sent to a stranger. */
  noteRealm(registry: string, host: string): void {
    const reason = `${registry} names it as its token service, and it is not of the same owner`;
    this.#tell("token realm refused", { host, reason, add: `registries: { "${registry}": { realms: ["${host}"] } }` });
  }

  #tell(message: string, refused: RefusedHost): void {
    this.#onRefused(refused);
    if (this.#told.has(refused.host)) return;
    this.#told.set(refused.host, true);
    this.#log.warn(message, refused);
  }
}
