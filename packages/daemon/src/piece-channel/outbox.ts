import type { Socket } from "node:net";

type Parcel = { readonly bytes: Uint8Array; readonly release: (() => void) | undefined };

/**
 * What waits to be written to one socket. One write is under way at a time: several at once would be joined by the socket into a copy.
 * A buffer is released when its bytes have left it, or when the outbox is closed.
 */
export class Outbox {
  readonly #socket: Socket;
  readonly #now: () => number;
  #queue: Parcel[] = [];
  #writing: Parcel | undefined;
  #progressAt = 0;
  #closed = false;
  #onRoom: (() => void) | undefined;

  constructor(socket: Socket, now: () => number) {
    this.#socket = socket;
    this.#now = now;
  }

  /** Parcels that were not written yet, the one under way included. */
  get length(): number {
    return this.#queue.length + (this.#writing === undefined ? 0 : 1);
  }

  /** Milliseconds since the write under way began; 0 where there is none. */
  stalledMs(now: number): number {
    return this.#writing === undefined ? 0 : now - this.#progressAt;
  }

  push(bytes: Uint8Array, release?: () => void): void {
    if (this.#closed) {
      release?.();
      return;
    }
    this.#queue.push({ bytes, release });
    if (this.#writing === undefined) this.#writeNext();
  }

  /** Resolves when fewer than `parcels` wait, or the outbox is closed. One caller at a time. */
  async room(parcels: number): Promise<void> {
    while (!this.#closed && this.length >= parcels) {
      await new Promise<void>((resolve) => (this.#onRoom = resolve));
    }
  }

  /** Writes nothing more. */
  close(): void {
    this.#closed = true;
    for (const { release } of this.#queue) release?.();
    this.#queue = [];
    this.#tellRoom();
  }

  #writeNext(): void {
    const parcel = this.#queue.shift();
    this.#writing = parcel;
    if (parcel === undefined) return;
    this.#progressAt = this.#now();
    this.#socket.write(parcel.bytes, () => {
      parcel.release?.();
      this.#writeNext();
      this.#tellRoom();
    });
  }

  #tellRoom(): void {
    const tell = this.#onRoom;
    this.#onRoom = undefined;
    tell?.();
  }
}
