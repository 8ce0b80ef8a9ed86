import type { TransferFailure } from "@darner/peer-core";
import type { Station } from "../network/station.ts";
import type { HostInWorld, SourceInWorld, World } from "../world.ts";
import { pieceBytes } from "./blob.ts";
import type { PieceTransfer } from "./piece-transfer.ts";

// How long a daemon waits for the next byte of a source read before it gives the read up.
const STALL_MS = 5_000;
const MINUTE_MS = 60_000;
// What registries say that have no connection left.
const BUSY_RETRY_MS = 1_000;

/** The registry: one link, connections that take turns, and the faults of the scenario. */
export class SimulatedSource implements SourceInWorld {
  readonly #world: () => World;
  readonly #station: Station;
  /** Reads it was asked for. */
  requests = 0;
  /** The most reads at once. */
  mostConnections = 0;
  readonly #answering = new Set<PieceTransfer>();
  #limitedUntil = 0;
  #retryAfterMs = 0;
  /** Pieces it sends wrong, and until when. */
  readonly #lies = new Map<number, number>();
  #minute = 0;
  #inThisMinute = 0;

  constructor(world: () => World, station: Station) {
    this.#world = world;
    this.#station = station;
  }

  /** Body bytes it has sent, also those nobody used. */
  get bytesSent(): number {
    return this.#station.up.bytes;
  }

  /** Answers 429 for a while. */
  limitUntil(instant: number, retryAfterMs: number): void {
    this.#limitedUntil = instant;
    this.#retryAfterMs = retryAfterMs;
  }

  /** Sends one piece of every blob wrong for a while. */
  lieUntil(instant: number, piece: number): void {
    this.#lies.set(piece, instant);
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
    const failure = this.#refusal(transfer, reader);
    if (failure !== undefined) {
      transfer.end(failure);
      return;
    }
    this.#answering.add(transfer);
    if (reader.conduct.isSourceStalled) {
      timeline.after(STALL_MS, () => transfer.end({ code: "source-unavailable", retryAfterMs: 0 }));
      return;
    }
    const lane = network.open(this.#station, reader.station, scenario.source.bytesPerSecondPerConnection, blob.pieceBytes);
    for (const piece of pieces) {
      const isWrong = (this.#lies.get(piece) ?? 0) > timeline.now;
      network.offer(lane, { to: transfer, piece, bytes: pieceBytes(blob, piece), isWrong });
    }
  }

  #refusal({ pieces, blob }: PieceTransfer, { conduct }: HostInWorld): TransferFailure | undefined {
    const { source } = this.#world().scenario;
    const { now } = this.#world().timeline;
    if (now < this.#limitedUntil) return { code: "source-limited", retryAfterMs: this.#retryAfterMs };
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) [this.#minute, this.#inThisMinute] = [minute, 0];
    this.#inThisMinute += 1;
    if (this.#inThisMinute > (source.requestsPerMinute ?? Infinity))
      return { code: "source-limited", retryAfterMs: (minute + 1) * MINUTE_MS - now };
    if (conduct.isSourceRefused) return { code: "source-refused" };
    for (const other of this.#answering) if (other.isOver) this.#answering.delete(other);
    this.mostConnections = Math.max(this.mostConnections, this.#answering.size + 1);
    if (this.#answering.size >= (source.maxConnections ?? Infinity)) return { code: "source-unavailable", retryAfterMs: BUSY_RETRY_MS };
    const isWhole = pieces[0] === 0 && pieces.length === blob.pieces;
    return source.ranges || isWhole ? undefined : { code: "source-without-range" };
  }
}
