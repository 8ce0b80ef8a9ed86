import { MAX_SCHEDULERS, type HostStanding, type SwarmStanding } from "@darner/domain";
import { asList, asObject, asText, asWhole, WireError, type WireObject } from "./wire.ts";

// A DNS name is at most 253 characters, and a port follows.
const MAX_ADDRESS = 262;

/** Reads how the schedulers stand with a host; nothing where it does not say. Throws `WireError`. */
export function readHostStanding(value: unknown): { standing?: HostStanding } {
  if (value === undefined || value === null) return {};
  const wire = asObject(value, "standing");
  const schedulers = rows(wire).map((row) => ({
    address: asText(row["address"], "standing.schedulers.address", MAX_ADDRESS),
    answers: row["answers"] === true,
    losses: asWhole(row["losses"], "standing.schedulers.losses"),
  }));
  const active = asText(wire["active"], "standing.active", MAX_ADDRESS);
  return { standing: { schedulers, active, isHere: wire["is_here"] === true, isMoving: wire["is_moving"] === true } };
}

/** How the schedulers stand with a host, as the protobuf runtime wants it. */
export function writeHostStanding({ schedulers, active, isHere, isMoving }: HostStanding): WireObject {
  return { schedulers, active, is_here: isHere, is_moving: isMoving };
}

/** Reads how the schedulers stand with the swarm; nothing where the scheduler does not say. Throws `WireError`. */
export function readSwarmStanding(value: unknown): { standing?: SwarmStanding } {
  if (value === undefined || value === null) return {};
  const wire = asObject(value, "standing");
  const schedulers = rows(wire).map((row) => ({
    address: asText(row["address"], "standing.schedulers.address", MAX_ADDRESS),
    reached: asWhole(row["reached"], "standing.schedulers.reached"),
    active: asWhole(row["active"], "standing.schedulers.active"),
    losses: asWhole(row["losses"], "standing.schedulers.losses"),
  }));
  return { standing: { hosts: asWhole(wire["hosts"], "standing.hosts"), schedulers } };
}

function rows(wire: WireObject): WireObject[] {
  const list = asList(wire["schedulers"], "standing.schedulers");
  if (list.length > MAX_SCHEDULERS) throw new WireError("standing.schedulers", `at most ${String(MAX_SCHEDULERS)}`);
  return list.map((row) => asObject(row, "standing.schedulers"));
}
