import { newBudget, type RequestBudget } from "./request-budget.ts";
import type { SchedulerLimits } from "../limits.ts";
import { newMeter, type Meter } from "./measured-rate.ts";
import { newConnections, type RegistryConnections } from "../connections/registry-connections.ts";
import { newPlaces, type SourcePlaces } from "../source/source-places.ts";

/** What the scheduler knows of one registry, over all tasks. */
export type Registry = {
  readonly name: string;
  /** Nobody asks it before this instant (429 honoured once for all). */
  pausedUntil: number;
  /** Peers that read it now, cluster-wide. */
  readers: number;
  /** Peers that are being dealt their first stripe and do not read it yet. */
  coming: number;
  /** Connections that they were told to keep open, all together. */
  told: number;
  /** When a blob that nobody reads last found none of its connections free; undefined while none did. */
  shutOutAt: number | undefined;
  /** How long a stripe usually waits for its first byte; undefined until one brought something. */
  firstByteMs: number | undefined;
  /** How long it took lately where it took long. */
  slowestFirstByteMs: number;
  /** How long the first piece of all took, while nobody knows how much of that was its own time. */
  unsettledMs: number | undefined;
  /** When a piece last came from it that somebody waits for; undefined before. */
  readForAt: number | undefined;
  /** What it gives to all who read it together. */
  readonly flow: Meter;
  readonly connections: RegistryConnections;
  /** How many stripes of it are read at once while blobs take turns. */
  readonly places: SourcePlaces;
  readonly requests: RequestBudget;
};

/**
 * Learns from a stripe that was given `waitedMs` before its first piece was reported.
 *
 *     first byte ← min(first byte + max(waited − first byte, 0) / 4, waited)
 *
 *     slowest    ← max(waited, 7/8 × slowest)
 *
 * Down at once, up slowly: a piece that waited behind others on a busy link says nothing about the registry.
 */
export function learnFirstByte(registry: Registry, waitedMs: number): void {
  const known = registry.firstByteMs;
  registry.slowestFirstByteMs = Math.max(waitedMs, registry.slowestFirstByteMs - (registry.slowestFirstByteMs >> 3));
  registry.firstByteMs = known === undefined || waitedMs < known ? waitedMs : known + ((waitedMs - known) >> 2);
}

/** Every registry some task came through. Idle ones are forgotten when the table is full. */
export class RegistryTable {
  readonly #limits: SchedulerLimits;
  readonly #registries = new Map<string, Registry>();

  constructor(limits: SchedulerLimits) {
    this.#limits = limits;
  }

  /** The registry of this name; new ones start unpaused and idle. */
  of(name: string): Registry {
    const known = this.#registries.get(name);
    if (known !== undefined) return known;
    if (this.#registries.size >= this.#limits.maxRegistries) this.#forgetOneIdle();
    const registry: Registry = {
      name,
      pausedUntil: 0,
      readers: 0,
      coming: 0,
      told: 0,
      shutOutAt: undefined,
      firstByteMs: undefined,
      slowestFirstByteMs: 0,
      unsettledMs: undefined,
      readForAt: undefined,
      flow: newMeter(),
      connections: newConnections(),
      places: newPlaces(),
      requests: newBudget(),
    };
    this.#registries.set(name, registry);
    return registry;
  }

  get size(): number {
    return this.#registries.size;
  }

  values(): IterableIterator<Registry> {
    return this.#registries.values();
  }

  // Whoever reads keeps its registry; readers are bounded per blob, so an idle one is always near.
  #forgetOneIdle(): void {
    for (const registry of this.#registries.values()) {
      if (registry.readers > 0) continue;
      this.#registries.delete(registry.name);
      return;
    }
  }
}
