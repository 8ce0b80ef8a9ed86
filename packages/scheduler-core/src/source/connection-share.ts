import type { Group } from "../books/group.ts";
import type { Wanting } from "../books/member.ts";
import type { Turn } from "../turn.ts";
import { connectionsFor, mayRead, mayReadSoon, nobodyWaits } from "./choose-reader.ts";

/**
 * How many connections a reader may be told to keep open, of those its registry bears cluster-wide.
 *
 *     share = min(all / (other readers + 2), all − told to others), at least 1
 *
 * One share is left for who comes next: it need not wait for another blob to end. Who has more than its share gives the rest back with its
 * next stripe.
 */
export function shareOf(turn: Turn, reader: Wanting): number {
  const { readers, told } = turn.memory.registries.of(reader.registry);
  const { stripes, connections } = reader.peer;
  const all = connectionsFor(turn, reader);
  const others = readers - (stripes > 0 ? 1 : 0);
  return Math.max(1, Math.min(Math.floor(all / (others + 2)), all - (told - connections)));
}

/** A blob that nobody reads found no connection free: as long as it asks, others are read by one host each. */
export function noteShutOut(turn: Turn, group: Group): void {
  if (group.stripes.size > 0) return;
  const waiting = group.list().find((member): boolean => mayReadSoon(turn, member) && !mayRead(turn, member));
  if (waiting !== undefined) turn.memory.registries.of(waiting.registry).shutOutAt = turn.now;
}

/**
 * Whether one host is enough to read this blob for now.
 *
 *     another blob of this registry waits for a connection: it asks again whenever it is looked over
 *     nobody waits for this blob, and another one that somebody waits for is read: it gets two thirds of the registry's link, or more
 */
export function isOneEnough({ memory, limits, now }: Turn, group: Group, registry: string): boolean {
  const { shutOutAt, readForAt } = memory.registries.of(registry);
  const isLately = (at: number | undefined): boolean => at !== undefined && now <= at + 2 * limits.checkEveryMs;
  return isLately(shutOutAt) || (isLately(readForAt) && nobodyWaits(group));
}
