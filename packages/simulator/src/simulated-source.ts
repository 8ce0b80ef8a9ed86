import type { TransferFailure } from "@darner/peer-core";
import { pieceBytes, pieceHash } from "./blob.ts";
import type { Fault } from "./scenario.ts";
import { newStation, type Flow, type Station } from "./network.ts";
import type { SourceRead, World } from "./world.ts";

// How long a daemon waits for the next byte of a source read before it gives the read up.
const STALL_MS = 5_000;

/** The registry: one link, connections that take turns, and the faults of the scenario. */
export class SimulatedSource {
  readonly #world: () => World;
  readonly #station: Station;
  /** Reads it was asked for. */
  requests = 0;

  constructor(world: () => World, bytesPerSecond: number) {
    this.#world = world;
    this.#station = newStation(bytesPerSecond, bytesPerSecond);
  }

  /** Body bytes it has sent, also those nobody used. */
  get bytesSent(): number {
    return this.#station.sentBytes;
  }

  /** Begins a read one round trip (and what the registry takes for its first byte) from now; gives back how to end it. */
  read(read: SourceRead): () => void {
    const { timeline, scenario } = this.#world();
    const state: { flow: Flow | undefined; isOver: boolean } = { flow: undefined, isOver: false };
    timeline.after(2 * scenario.latencyMs + (scenario.source.firstByteMs ?? 0), () => {
      if (!state.isOver) state.flow = this.#answer(read);
    });
    return () => {
      state.isOver = true;
      if (state.flow !== undefined) this.#world().network.close(state.flow);
    };
  }

  #answer(read: SourceRead): Flow | undefined {
    const { scenario, network, timeline } = this.#world();
    this.requests += 1;
    const failure = this.#refusal(read);
    if (failure !== undefined) {
      read.ended(failure);
      return undefined;
    }
    const ends = read.first + read.count;
    let landed = 0;
    const flow = network.open(this.#station, read.to, scenario.source.bytesPerSecondPerConnection, (piece) => {
      landed += 1;
      read.landed(
        piece,
        pieceHash(
          read.blob,
          piece,
          this.#active("source-lies").some((fault) => fault.piece === piece),
        ),
      );
      if (landed < read.count || flow.isOver) return;
      network.close(flow);
      read.ended();
    });
    if (this.#active("source-stalls").some((fault) => fault.host === read.host)) {
      timeline.after(STALL_MS, () => {
        if (flow.isOver) return;
        network.close(flow);
        read.ended({ code: "source-unavailable", retryAfterMs: 0 });
      });
      return flow;
    }
    for (let piece = read.first; piece < ends; piece++) network.offer(flow, piece, pieceBytes(read.blob, piece));
    return flow;
  }

  #refusal({ first, count, blob, host }: SourceRead): TransferFailure | undefined {
    const [limit] = this.#active("source-limits");
    if (limit !== undefined) return { code: "source-limited", retryAfterMs: limit.retryAfterMs };
    const { faults, source } = this.#world().scenario;
    const isRefused = faults.some(
      (fault) => fault.type === "source-refuses" && fault.host === host && fault.atMs <= this.#world().timeline.now,
    );
    if (isRefused) return { code: "source-refused" };
    const isWhole = first === 0 && count === blob.pieces;
    return source.ranges || isWhole ? undefined : { code: "source-without-range" };
  }

  #active<Type extends Fault["type"]>(type: Type): Extract<Fault, { type: Type; forMs: number }>[] {
    const { scenario, timeline } = this.#world();
    return scenario.faults.filter((fault): fault is Extract<Fault, { type: Type; forMs: number }> => {
      return fault.type === type && "forMs" in fault && fault.atMs <= timeline.now && timeline.now < fault.atMs + fault.forMs;
    });
  }
}
