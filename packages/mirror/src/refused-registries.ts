import type { Logger } from "@darner/runtime";

/** A registry that clients asked for and the operator does not allow. */
export type RefusedRegistry = { readonly registry: string; readonly reason: string; readonly requests: number };

// Names come from outside; more distinct ones than this is somebody trying names, not a cluster with that many registries.
const MAX_NAMES = 64;

/** Remembers which registries were refused: one warning each, with the line to add, and a row in `darner status`. */
export class RefusedRegistries {
  readonly #byName = new Map<string, RefusedRegistry>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** A request named `registry` and was refused for `reason`. */
  note(registry: string, reason: string): void {
    const known = this.#byName.get(registry);
    if (known === undefined && this.#byName.size >= MAX_NAMES) return;
    this.#byName.set(registry, { registry, reason, requests: (known?.requests ?? 0) + 1 });
    if (known !== undefined) return;
    this.#log.warn("registry refused", { registry, reason, allowWith: `registries: { "${registry}": {} }` });
  }

  list(): readonly RefusedRegistry[] {
    return [...this.#byName.values()];
  }
}
