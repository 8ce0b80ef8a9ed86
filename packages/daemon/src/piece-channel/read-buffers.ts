// Read from disk and written to a socket by one call each: larger ones save little CPU, smaller ones cost calls (research/node-performance.md, 2).
const BUFFER_BYTES = 256 * 1024;
// The header of a piece is written in front of its first bytes, so that both are one write.
const HEADER_ROOM = 32;
// 32 MiB for all children together: half of what a daemon may have in flight (design.md, 5.7).
const MAX_BUFFERS = 128;
// One child may fill 1 MiB: enough to keep a 10 Gbit/s link busy for the time of a disk read.
const MAX_PER_CHILD = 4;
// Kept when nothing is being sent, so that the next piece need not wait for memory.
const KEPT_WHEN_IDLE = 4;

/** The buffers that pieces pass through on their way from the disk to children: bounded for all, handed out in the order they are asked for. */
export class ReadBuffers {
  readonly #free: Uint8Array[] = [];
  readonly #waiting: ((buffer: Uint8Array) => void)[] = [];
  readonly #max: number;
  #taken = 0;

  constructor(max: number = MAX_BUFFERS) {
    this.#max = max;
  }

  /** How many buffers one child may hold now: fewer where they are scarce, so that slow children do not starve the others. */
  get perChild(): number {
    return this.#taken < this.#max / 2 ? MAX_PER_CHILD : 1;
  }

  /** Whether somebody waits for a buffer that others hold. */
  get areScarce(): boolean {
    return this.#waiting.length > 0;
  }

  /** Bytes of a piece that one buffer takes beside a header. */
  get payloadBytes(): number {
    return BUFFER_BYTES;
  }

  /** Resolves with a buffer; it must be given back. */
  take(): Promise<Uint8Array> {
    if (this.#taken >= this.#max) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#taken += 1;
    return Promise.resolve(this.#free.pop() ?? new Uint8Array(BUFFER_BYTES + HEADER_ROOM));
  }

  give(buffer: Uint8Array): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next(buffer);
      return;
    }
    this.#taken -= 1;
    this.#free.push(buffer);
    if (this.#taken === 0) this.#free.splice(KEPT_WHEN_IDLE);
  }
}
