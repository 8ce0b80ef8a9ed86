import type { TransferFailure } from "@darner/peer-core";
import type { Lane, Station } from "../network/station.ts";
import type { Fault } from "../fault.ts";
import type { HostInWorld, SourceInWorld, World } from "../world.ts";
import { pieceBytes } from "./blob.ts";
import type { PieceTransfer } from "./piece-transfer.ts";

// How long a daemon waits for the next byte of a source read before it gives the read up.
const STALL_MS = 5_000;

/** The registry: one link, connections that take turns, and the faults of the scenario. */
export class SimulatedSource implements SourceInWorld {
  readonly #world: () => World;
  readonly #station: Station;
  /** Reads it was asked for. */
  requests = 0;

  constructor(world: () => World, station: Station) {
    this.#world = world;
    this.#station = station;
  }

  /** Body bytes it has sent, also those nobody used. */
  get bytesSent(): number {
    return this.#station.up.bytes;
  }

  /** A read begins one round trip (and what the registry takes for its first byte) from now. */
  read(transfer: PieceTransfer, reader: HostInWorld): void {
    const { timeline, scenario } = this.#world();
    timeline.after(2 * scenario.latencyMs + (scenario.source.firstByteMs ?? 0), () => {
      if (!transfer.isOver) this.#answer(transfer, reader);
    });
  }

  #answer(transfer: PieceTransfer, reader: HostInWorld): void {
    const { scenario, network, timeline } = this.#world();
    const { blob, pieces } = transfer;
    this.requests += 1;
    const failure = this.#refusal(transfer, reader.number);
    if (failure !== undefined) {
      transfer.end(failure);
      return;
    }
    if (this.#active("source-stalls").some((fault) => fault.host === reader.number)) {
      timeline.after(STALL_MS, () => transfer.end({ code: "source-unavailable", retryAfterMs: 0 }));
      return;
    }
    const { bytesPerSecondPerConnection } = scenario.source;
    const lane: Lane = network.open(this.#station, reader.station, bytesPerSecondPerConnection, blob.pieceBytes);
    for (const piece of pieces) {
      const isWrong = this.#active("source-lies").some((fault) => fault.piece === piece);
      network.offer(lane, { to: transfer, piece, bytes: pieceBytes(blob, piece), isWrong });
    }
  }

  #refusal({ pieces, blob }: PieceTransfer, host: number): TransferFailure | undefined {
    const [limit] = this.#active("source-limits");
    if (limit !== undefined) return { code: "source-limited", retryAfterMs: limit.retryAfterMs };
    const { faults, source } = this.#world().scenario;
    const { now } = this.#world().timeline;
    if (faults.some((fault) => fault.type === "source-refuses" && fault.host === host && fault.atMs <= now))
      return { code: "source-refused" };
    const isWhole = pieces[0] === 0 && pieces.length === blob.pieces;
    return source.ranges || isWhole ? undefined : { code: "source-without-range" };
  }

  #active<Type extends Fault["type"]>(type: Type): Extract<Fault, { type: Type; forMs: number }>[] {
    const { scenario, timeline } = this.#world();
    return scenario.faults.filter((fault): fault is Extract<Fault, { type: Type; forMs: number }> => {
      return fault.type === type && "forMs" in fault && fault.atMs <= timeline.now && timeline.now < fault.atMs + fault.forMs;
    });
  }
}
