import type { Timeline } from "./timeline.ts";

/** A link in one direction: how fast, and until when it is taken. */
type Link = { readonly bytesPerSecond: number; freeAt: number };

/** Somebody who sends and receives: a host, or the registry. */
export type Station = {
  readonly up: Link;
  readonly down: Link;
  /** Transfers it sends, in the order in which they take turns. */
  sending: Flow[];
  isKicked: boolean;
  /** Bytes it has sent. */
  sentBytes: number;
};

/** One transfer: pieces that go from one station to another, in the order in which they became ready. */
export type Flow = {
  readonly from: Station;
  readonly to: Station;
  /** Bytes per second one connection gets at most; 0: no limit. */
  readonly cap: number;
  readonly ready: { readonly piece: number; readonly bytes: number }[];
  readonly landed: (piece: number) => void;
  current: { readonly piece: number; readonly sliceBytes: number; leftBytes: number } | undefined;
  inFlight: number;
  notBefore: number;
  isOver: boolean;
};

export function newStation(upBytesPerSecond: number, downBytesPerSecond: number): Station {
  return {
    up: { bytesPerSecond: upBytesPerSecond, freeAt: 0 },
    down: { bytesPerSecond: downBytesPerSecond, freeAt: 0 },
    sending: [],
    isKicked: false,
    sentBytes: 0,
  };
}

// Slices a piece is cut into: small enough that transfers share a link almost evenly, as TCP streams do.
const MIN_SLICE_BYTES = 64 * 1024;
const MAX_SLICES_PER_PIECE = 8;

/**
 * Links that slices of pieces go through, one at a time, transfers of a sender taking turns. A slice is on both links at once
 * (cut-through) and arrives when the slower or busier of the two is done with it, plus the latency.
 */
export class Network {
  readonly #timeline: Timeline;
  readonly #latencyMs: number;

  constructor(timeline: Timeline, latencyMs: number) {
    this.#timeline = timeline;
    this.#latencyMs = latencyMs;
  }

  /** Begins a transfer with nothing to send yet. */
  open(from: Station, to: Station, cap: number, landed: (piece: number) => void): Flow {
    const flow: Flow = { from, to, cap, ready: [], landed, current: undefined, inFlight: 0, notBefore: 0, isOver: false };
    from.sending.push(flow);
    return flow;
  }

  /** A piece of a transfer may be sent now. */
  offer(flow: Flow, piece: number, bytes: number): void {
    flow.ready.push({ piece, bytes });
    this.#kick(flow.from);
  }

  /** Ends a transfer: what is on its way is lost. */
  close(flow: Flow): void {
    flow.isOver = true;
    flow.from.sending = flow.from.sending.filter((other) => other !== flow);
  }

  /** Lets a sender look for something to send, once its link is free. */
  #kick(station: Station): void {
    if (station.isKicked) return;
    station.isKicked = true;
    this.#timeline.after(station.up.freeAt - this.#timeline.now, () => {
      station.isKicked = false;
      this.#sendNext(station);
    });
  }

  #sendNext(station: Station): void {
    const { now } = this.#timeline;
    if (station.up.freeAt > now) {
      this.#kick(station);
      return;
    }
    const index = station.sending.findIndex((flow) => this.#maySend(flow, now));
    const [flow] = index < 0 ? [] : station.sending.splice(index, 1);
    if (flow === undefined) return;
    station.sending.push(flow);
    this.#sendSlice(flow, now);
    this.#kick(station);
  }

  #maySend(flow: Flow, now: number): boolean {
    if (flow.current === undefined && flow.ready.length === 0) return false;
    return flow.notBefore <= now && flow.inFlight < this.#window(flow);
  }

  /** Slices on their way at once: two, and what the latency holds. */
  #window(flow: Flow): number {
    return 2 + Math.ceil((2 * this.#latencyMs * flow.from.up.bytesPerSecond) / 1000 / MIN_SLICE_BYTES);
  }

  #sendSlice(flow: Flow, now: number): void {
    const next = flow.current ?? this.#begin(flow);
    if (next === undefined) return;
    const { from, to } = flow;
    const bytes = Math.min(next.leftBytes, next.sliceBytes);
    next.leftBytes -= bytes;
    const isLast = next.leftBytes === 0;
    if (isLast) flow.current = undefined;
    const leftAt = now + (bytes * 1000) / from.up.bytesPerSecond;
    from.up.freeAt = leftAt;
    const arrivesAt = Math.max(leftAt + this.#latencyMs, to.down.freeAt + (bytes * 1000) / to.down.bytesPerSecond);
    to.down.freeAt = arrivesAt;
    flow.inFlight += 1;
    from.sentBytes += bytes;
    if (flow.cap > 0) {
      flow.notBefore = now + (bytes * 1000) / flow.cap;
      this.#timeline.after(flow.notBefore - now, () => this.#kick(from));
    }
    this.#timeline.after(arrivesAt - now, () => {
      flow.inFlight -= 1;
      this.#kick(from);
      if (isLast && !flow.isOver) flow.landed(next.piece);
    });
  }

  #begin(flow: Flow): Flow["current"] {
    const next = flow.ready.shift();
    if (next === undefined) return undefined;
    const sliceBytes = Math.max(MIN_SLICE_BYTES, Math.ceil(next.bytes / MAX_SLICES_PER_PIECE));
    flow.current = { piece: next.piece, leftBytes: next.bytes, sliceBytes };
    return flow.current;
  }
}
