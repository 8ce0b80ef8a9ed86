import type { Timeline } from "../engine/timeline.ts";
import type { Parcel } from "./parcel.ts";
import { Lane, latencyBetween, type Carrier, type Station } from "./station.ts";

/** How finely pieces are cut: more slices share links more evenly and cost more time to simulate. */
export type Slicing = { readonly slicesPerPiece: number; readonly minSliceBytes: number };

// Slices of one lane on their way at once, besides those the latency holds: two keep a link busy, more would only queue before it.
const WINDOW_SLICES = 2;

/**
 * Links that slices of pieces go through one at a time, the lanes of a sender taking turns. A slice is on all links of its way at
 * once (cut-through) and arrives when the slowest or busiest of them is done with it, plus the latency.
 */
export class Network implements Carrier {
  readonly #timeline: Timeline;
  readonly #slicing: Slicing;
  /** Bytes that nobody wanted any more when they arrived. */
  wastedBytes = 0;

  constructor(timeline: Timeline, slicing: Slicing) {
    this.#timeline = timeline;
    this.#slicing = slicing;
  }

  /** A lane with nothing to send yet; `bytesPerSecond` is its own limit, 0: none. `pieceBytes` is the usual length of what it will carry. */
  open(from: Station, to: Station, bytesPerSecond: number, pieceBytes: number): Lane {
    const roundTripBytes = 2 * latencyBetween(from, to) * from.up.bytesPerMs;
    const window = WINDOW_SLICES + Math.ceil(roundTripBytes / this.#sliceBytes(pieceBytes));
    from.carrier ??= this;
    return new Lane(this, from, to, bytesPerSecond > 0 ? bytesPerSecond / 1000 : Infinity, window);
  }

  /** A piece may be sent now. */
  offer(lane: Lane, parcel: Parcel): void {
    lane.queue.push(parcel);
    const { from } = lane;
    if (!lane.isWaiting) {
      lane.isWaiting = true;
      from.lanes.push(lane);
    }
    this.#plan(from, Math.max(from.up.freeAt, lane.maySendAt, this.#timeline.now));
  }

  /** Lets a sender look for something to send at an instant, unless it does so sooner anyway. */
  #plan(station: Station, instant: number): void {
    if (instant >= station.turnAt) return;
    station.turnAt = instant;
    this.#timeline.at(instant, station);
  }

  /** The first lane in turn that may send sends a slice. */
  turn(station: Station): void {
    const { now } = this.#timeline;
    // A turn that was planned before a sooner one.
    if (station.turnAt !== now || station.isDead) return;
    station.turnAt = Infinity;
    const { lanes } = station;
    let soonest = Infinity;
    for (let looked = 0; looked < lanes.length;) {
      if (station.nextLane >= lanes.length) station.nextLane = 0;
      const lane = lanes[station.nextLane];
      if (lane === undefined || !this.#hasNext(lane)) {
        lanes.splice(station.nextLane, 1);
        if (lane !== undefined) lane.isWaiting = false;
        continue;
      }
      station.nextLane += 1;
      const mayAt = lane.maySendAt;
      if (mayAt <= now) {
        this.#sendSlice(lane, now);
        this.#plan(station, station.up.freeAt);
        return;
      }
      soonest = Math.min(soonest, mayAt);
      looked += 1;
    }
    if (soonest < Infinity) this.#plan(station, soonest);
  }

  /** Whether there is something to send, after what nobody wants any more is left out. */
  #hasNext(lane: Lane): boolean {
    if (lane.to.isDead) return false;
    while (lane.current === undefined) {
      const next = lane.queue.shift();
      if (next === undefined) return false;
      if (next.to.isOver) continue;
      lane.current = next;
      lane.leftBytes = next.bytes;
    }
    return true;
  }

  #sendSlice(lane: Lane, now: number): void {
    const parcel = lane.current;
    if (parcel === undefined) return;
    const bytes = Math.min(lane.leftBytes, this.#sliceBytes(parcel.bytes));
    lane.leftBytes -= bytes;
    const arrivesAt = passageOf(lane, now, bytes) + lane.latencyMs;
    lane.sent(arrivesAt, lane.bytesPerMs < Infinity ? now + bytes / lane.bytesPerMs : 0);
    if (lane.leftBytes > 0) return;
    lane.current = undefined;
    lane.underWay.push(parcel);
    this.#timeline.at(arrivesAt, lane);
  }

  /** What was sent arrives. */
  land(lane: Lane): void {
    const parcel = lane.underWay.shift();
    if (parcel === undefined || lane.from.isDead || lane.to.isDead) return;
    if (parcel.to.isOver) this.wastedBytes += parcel.bytes;
    else parcel.to.landed(parcel.piece, parcel.isWrong);
  }

  #sliceBytes(pieceBytes: number): number {
    return Math.max(this.#slicing.minSliceBytes, Math.ceil(pieceBytes / this.#slicing.slicesPerPiece));
  }
}

/** When the last byte of a slice that is sent now has passed every link of its way. */
function passageOf({ from, to }: Lane, now: number, bytes: number): number {
  let through = from.up.pass(now, bytes);
  if (from.rack !== to.rack) {
    if (from.rack !== undefined) through = Math.max(through, from.rack.out.pass(now, bytes));
    if (to.rack !== undefined) through = Math.max(through, to.rack.in.pass(now, bytes));
  }
  return Math.max(through, to.down.pass(now, bytes));
}
