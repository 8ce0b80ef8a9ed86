import type { SchedulerOrder, WarmOrder } from "@darner/protocol";
import type { SchedulerEffect } from "@darner/scheduler-core";

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
