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

/** Who moves what stations send. */
export interface Carrier {
  /** A station looks for something to send. */
  turn(station: Station): void;
  /** The oldest parcel under way of a lane arrives. */
  land(lane: Lane): void;
}

/** Somebody who sends and receives: a host, the registry, or a scheduler. It is itself what is planned when it looks for something to send. */
export class Station implements Happening {
  readonly up: Link;
  readonly down: Link;
  readonly latencyMs: number;
  readonly rack: Rack | undefined;
  /** Lanes with something to send; they take turns, and this one is next. */
  readonly lanes: Lane[] = [];
  nextLane = 0;
  /** When it looks next for something to send; infinite where nothing waits. */
  turnAt: number = Infinity;
  /** Who moves what it sends; undefined before it has a lane. */
  carrier: Carrier | undefined;
  /** Whether its process is gone: it neither sends nor receives. */
  isDead = false;

  constructor({ upBytesPerSecond, downBytesPerSecond, latencyMs, rack }: Connection) {
    this.up = new Link(upBytesPerSecond);
    this.down = new Link(downBytesPerSecond);
    this.latencyMs = latencyMs;
    this.rack = rack;
  }

  happen(): void {
    this.carrier?.turn(this);
  }
}

/**
 * One connection: pieces from one station to another, in the order in which they became ready. It is itself what is planned when
 * one of them arrives.
 */
export class Lane implements Happening {
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
  /** When its next slice may be sent: its limit allows it, and the oldest slice of a full window has arrived. */
  maySendAt = 0;
  /** Whether it is among the lanes of its sender that have something to send. */
  isWaiting = false;
  /** How long a byte is under way. */
  readonly latencyMs: number;
  readonly #carrier: Carrier;
  // When the last slices arrive, as many as may be under way at once: a ring.
  readonly #arrivals: Float64Array;
  #sent = 0;

  constructor(carrier: Carrier, from: Station, to: Station, bytesPerMs: number, window: number) {
    this.#carrier = carrier;
    this.from = from;
    this.to = to;
    this.latencyMs = latencyBetween(from, to);
    this.bytesPerMs = bytesPerMs;
    this.#arrivals = new Float64Array(window);
  }

  /** Notes a slice on its way, after which its own limit sends nothing before an instant. */
  sent(arrivesAt: number, notBefore: number): void {
    const arrivals = this.#arrivals;
    arrivals[this.#sent] = arrivesAt;
    this.#sent = this.#sent + 1 === arrivals.length ? 0 : this.#sent + 1;
    this.maySendAt = Math.max(notBefore, arrivals[this.#sent] ?? 0);
  }

  happen(): void {
    this.#carrier.land(this);
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
