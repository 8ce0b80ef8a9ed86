import { parseHostId, type Task } from "@darner/domain";
import { readChallenge, readMembership, readWelcome, writeMembership, writeWelcome } from "./membership-message.ts";
import type { SchedulerMessage, SchedulerOrder, TaskOrder } from "./messages.ts";
import { readSwarmStanding } from "./standing-message.ts";
import { readPublicFacts, writePublicFacts } from "./public-fact.ts";
import { readWarmOrders, writeWarmOrder } from "./warm-message.ts";
import { asHashes, asList, asObject, asRun, asTask, asText, asWhole, asWord, WireError, wireHashes, type WireObject } from "./wire.ts";

// A DNS name is at most 253 characters; a version or an address with its port is shorter than 255.
const MAX_TEXT = 255;

/** Reads a message of a scheduler. Throws `WireError` where it breaks the protocol. */
export function readSchedulerMessage(value: unknown): SchedulerMessage {
  const wire = asObject(value, "message");
  const challenge = readChallenge(wire["challenge"]);
  return {
    orders: asList(wire["orders"], "orders").map(readTaskOrder),
    ...readPublicFacts(wire["public_facts"]),
    ...readWarmOrders(wire["warm"], wire["released"]),
    ...readSwarmStanding(wire["standing"]),
    ping: wire["ping"] === true,
    ...(challenge === undefined ? {} : { challenge }),
    ...(isAbsent(wire["welcome"]) ? {} : { welcome: readWelcome(wire["welcome"]) }),
    ...(isAbsent(wire["membership"]) ? {} : { membership: readMembership(wire["membership"]) }),
  };
}

/** A message of a scheduler as the protobuf runtime wants it. */
export function writeSchedulerMessage(message: Partial<SchedulerMessage>): WireObject {
  const { challenge, welcome, membership, standing } = message;
  return {
    ...(challenge === undefined ? {} : { challenge }),
    ...(welcome === undefined ? {} : { welcome: writeWelcome(welcome) }),
    ...(membership === undefined ? {} : { membership: writeMembership(membership) }),
    orders: (message.orders ?? []).map(({ task, order }) => ({ task, ...writeOrder(order) })),
    public_facts: writePublicFacts(message.publicFacts ?? []),
    warm: (message.warm ?? []).map(writeWarmOrder),
    released: message.released ?? [],
    ...(standing === undefined ? {} : { standing }),
    ping: message.ping ?? false,
  };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function readTaskOrder(value: unknown): TaskOrder {
  const wire = asObject(value, "order");
  const task = asTask(wire["task"], "order.task");
  return { task, order: readOrder(wire, task) };
}

function readOrder(wire: WireObject, task: Task): SchedulerOrder {
  switch (wire["order"]) {
    case "grant_pieces":
      return readGrantPieces(asObject(wire["grant_pieces"], "grant_pieces"), task);
    case "grant_stripe": {
      const grant = asObject(wire["grant_stripe"], "grant_stripe");
      return {
        type: "grant-stripe",
        grant: asWhole(grant["grant"], "grant_stripe.grant"),
        run: asRun(grant["run"], "grant_stripe.run", task),
        connections: Math.max(1, asWhole(grant["connections"] ?? 0, "grant_stripe.connections")),
      };
    }
    case "revoke_grant":
      return { type: "revoke-grant", grant: asWhole(asObject(wire["revoke_grant"], "revoke_grant")["grant"], "revoke_grant.grant") };
    case "table":
      return { type: "table", hashes: asHashes(wire["table"], "table", task) };
    case "ask_table":
      return { type: "ask-table" };
    case "standing": {
      const told = asObject(wire["standing"], "standing");
      const standing = asWord(told["standing"], "standing.standing", ["fed", "starved", "limited", "struck"]);
      return { type: "standing", standing, retryAfterMs: asWhole(told["retry_after_ms"], "standing.retry_after_ms") };
    }
    case "restart":
      return { type: "restart" };
    case "fault": {
      const told = asObject(wire["fault"], "fault");
      const [fault, registry] = [asText(told["fault"], "fault.fault", MAX_TEXT), asText(told["registry"], "fault.registry", MAX_TEXT)];
      return { type: "fault", fault, registry, blocked: told["blocked"] === true };
    }
    default:
      throw new WireError("order", "an order this version knows");
  }
}

function readGrantPieces(wire: WireObject, task: Task): SchedulerOrder {
  const parent = parseHostId(asText(wire["parent"], "grant_pieces.parent", MAX_TEXT));
  if (parent === undefined) throw new WireError("grant_pieces.parent", "a host id");
  const address = asText(wire["address"], "grant_pieces.address", MAX_TEXT);
  return {
    type: "grant-pieces",
    grant: asWhole(wire["grant"], "grant_pieces.grant"),
    parent,
    address,
    run: asRun(wire["run"], "grant_pieces.run", task),
  };
}

function writeOrder(order: SchedulerOrder): WireObject {
  switch (order.type) {
    case "grant-pieces":
      return { grant_pieces: order };
    case "grant-stripe":
      return { grant_stripe: order };
    case "revoke-grant":
      return { revoke_grant: order };
    case "table":
      return { table: wireHashes(order.hashes) };
    case "ask-table":
      return { ask_table: {} };
    case "standing":
      return { standing: { standing: order.standing, retry_after_ms: Math.round(order.retryAfterMs) } };
    case "restart":
      return { restart: {} };
    case "fault":
      return { fault: { fault: order.fault, registry: order.registry, blocked: order.blocked } };
  }
}
