import type { HostPlan } from "./bodies/host.ts";
import type { Dice } from "./engine/random.ts";
import { Link } from "./network/link.ts";
import { Station, type Rack } from "./network/station.ts";
import type { Scenario } from "./scenario.ts";
import { numbersOf } from "./strikes.ts";

// Requests of people and kubelets come a little apart.
const JOIN_JITTER_MS = 5;

/** A host, and when it begins to pull. */
export type PlannedHost = HostPlan & { readonly joinsAtMs: number };

/** The racks of a scenario. */
export function planRacks({ racks }: Scenario): Rack[] {
  return Array.from({ length: racks?.count ?? 0 }, (_, number) => ({
    name: `rack-${String(number)}`,
    out: new Link(racks?.bytesPerSecond ?? 0),
    in: new Link(racks?.bytesPerSecond ?? 0),
  }));
}

/** The hosts of a scenario, in order of their numbers. */
export function planHosts(scenario: Scenario, racks: readonly Rack[], dice: (name: string) => Dice): PlannedHost[] {
  const { hosts, latencyMs, joinsAtMs, joinSpreadMs = 0, seeds = 0, slow, preheats } = scenario;
  const slowOnes = new Set(slow === undefined ? [] : numbersOf(slow.who, hosts, dice("slow")));
  const preheating = new Set(preheats === undefined ? [] : numbersOf(preheats, hosts, dice("preheats")));
  return Array.from({ length: hosts }, (_, number) => {
    const { upBytesPerSecond, downBytesPerSecond } = slow !== undefined && slowOnes.has(number) ? slow : scenario;
    const rack = racks[number % Math.max(1, racks.length)];
    const lot = dice(`join/${String(number)}`);
    return {
      number,
      station: new Station({ upBytesPerSecond, downBytesPerSecond, latencyMs: latencyMs / 2, rack }),
      isSeed: number < seeds,
      isReading: number >= seeds && !preheating.has(number),
      joinsAtMs: (joinsAtMs[number] ?? 0) + lot() * JOIN_JITTER_MS + lot() * joinSpreadMs,
    };
  });
}
