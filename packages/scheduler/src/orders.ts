import type { SchedulerOrder } from "@darner/protocol";
import type { SchedulerEffect } from "@darner/scheduler-core";

/** An effect as the order that goes to its host. */
export function orderOf(effect: SchedulerEffect): SchedulerOrder {
  switch (effect.type) {
    case "grant-pieces":
      return { type: "grant-pieces", grant: effect.grant, parent: effect.parent, address: effect.address, run: effect.run };
    case "grant-stripe":
      return { type: "grant-stripe", grant: effect.grant, run: effect.run };
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
  }
}
