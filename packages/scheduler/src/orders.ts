import type { SchedulerOrder, WarmOrder } from "@darner/protocol";
import type { SchedulerEffect } from "@darner/scheduler-core";
import type { Haste } from "./grpc/slices.ts";

/** An effect as the order that goes to its host. */
export function orderOf(effect: SchedulerEffect): SchedulerOrder {
  switch (effect.type) {
    case "grant-pieces":
      return { type: "grant-pieces", grant: effect.grant, parent: effect.parent, address: effect.address, run: effect.run };
    case "grant-stripe":
      return { type: "grant-stripe", grant: effect.grant, run: effect.run, connections: effect.connections };
    case "revoke-grant":
      return { type: "revoke-grant", grant: effect.grant };
    case "send-table":
      return { type: "table", hashes: effect.hashes };
    case "ask-table":
      return { type: "ask-table" };
    case "tell-standing":
      return { type: "standing", standing: effect.standing, retryAfterMs: effect.retryAfterMs };
    case "restart-peer":
      return { type: "restart" };
    case "name-fault":
      return { type: "fault", fault: effect.fault, registry: effect.registry, blocked: effect.blocked };
  }
}

// From as many hosts on it takes several milliseconds to say what one event led to.
const MANY_HOSTS = 64;

/** Whether one event led to orders for many hosts: a deal ahead, or lines, of which each of them has some left. */
export function isForMany(effects: readonly SchedulerEffect[]): boolean {
  return effects.length >= MANY_HOSTS && new Set(effects.map(({ host }) => host)).size >= MANY_HOSTS;
}

/**
 * How soon an effect is to be said.
 *
 *     later    lines of a table: a piece that landed waits three seconds for its line
 *     ahead    what one event leads to for many hosts; but for stripes: everybody waits for who reads
 *     awaited  else
 */
export function hasteOf({ type }: SchedulerEffect, isDeal: boolean): Haste {
  if (type === "send-table") return "later";
  return isDeal && type !== "grant-stripe" ? "ahead" : "awaited";
}

// A digest, a size and what protobuf adds.
const ORDER_BYTES = 256;
const HASH_BYTES = 40;

/** About how many bytes an order has on the wire: only a table can be large. */
export function orderBytes(order: SchedulerOrder): number {
  return ORDER_BYTES + (order.type === "table" ? order.hashes.length * HASH_BYTES : 0);
}

/** About how many bytes a warm order has on the wire. */
export function warmBytes({ contents }: WarmOrder): number {
  return contents.reduce((sum, { bytes }) => sum + ORDER_BYTES + (bytes?.length ?? 0), ORDER_BYTES);
}
