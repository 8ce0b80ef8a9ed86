import type { Happening } from "../engine/timeline.ts";
import { Link } from "./link.ts";
import type { Parcel } from "./parcel.ts";

/** What hosts that stand together share: a link out to all others, and one in. */
export type Rack = {
  readonly name: string;
  readonly out: Link;
  readonly in: Link;
};

/** How a station is connected. */
export type Connection = {
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
  /** Its part of the way to anybody else, one way. */
  readonly latencyMs: number;
  readonly rack?: Rack | undefined;
};

/** Somebody who sends and receives: a host, the registry, or a scheduler. */
export class Station {
  readonly up: Link;
  readonly down: Link;
  readonly latencyMs: number;
  readonly rack: Rack | undefined;
  /** Lanes with something to send; they take turns, and this one is next. */
  readonly lanes: Lane[] = [];
  nextLane = 0;
  /** When it looks next for something to send; infinite where nothing waits. */
  turnAt: number = Infinity;
  turn: Happening | undefined;
  /** Whether its process is gone: it neither sends nor receives. */
  isDead = false;

  constructor({ upBytesPerSecond, downBytesPerSecond, latencyMs, rack }: Connection) {
    this.up = new Link(upBytesPerSecond);
    this.down = new Link(downBytesPerSecond);
    this.latencyMs = latencyMs;
    this.rack = rack;
  }
}

/** One connection: pieces from one station to another, in the order in which they became ready. */
export class Lane {
  readonly from: Station;
  readonly to: Station;
  /** Bytes per millisecond it gets at most; infinite without a limit. */
  readonly bytesPerMs: number;
  readonly queue: Parcel[] = [];
  /** The parcel whose slices are being sent, and how much of it is left. */
  current: Parcel | undefined;
  leftBytes = 0;
  /** Parcels wholly sent and not yet landed, in order. */
  readonly underWay: Parcel[] = [];
  landing: Happening | undefined;
  /** Not before this instant may it send again: its own limit. */
  notBefore = 0;
  /** Whether it is among the lanes of its sender that have something to send. */
  isWaiting = false;
  // When the last slices arrive, as many as may be under way at once: a ring.
  readonly #arrivals: Float64Array;
  #sent = 0;

  constructor(from: Station, to: Station, bytesPerMs: number, window: number) {
    this.from = from;
    this.to = to;
    this.bytesPerMs = bytesPerMs;
    this.#arrivals = new Float64Array(window);
  }

  /** When its next slice may be sent: its limit allows it, and the oldest slice of a full window has arrived. */
  get maySendAt(): number {
    return Math.max(this.notBefore, this.#arrivals[this.#sent] ?? 0);
  }

  /** Notes a slice on its way. */
  sent(arrivesAt: number): void {
    this.#arrivals[this.#sent] = arrivesAt;
    this.#sent = (this.#sent + 1) % this.#arrivals.length;
  }
}

/** A process begins anew at a station whose last one died: what that one had to send is forgotten. */
export function revive(station: Station): void {
  station.isDead = false;
  for (const lane of station.lanes) lane.isWaiting = false;
  station.lanes.length = 0;
  station.turnAt = Infinity;
}

/** How long a byte is under way between two, one way. */
export function latencyBetween(one: Station, other: Station): number {
  return one.latencyMs + other.latencyMs;
}
