/** A link in one direction: slices pass it one after the other, in the order in which they were sent. */
export class Link {
  readonly bytesPerMs: number;
  /** When the last slice that was sent has passed. */
  freeAt = 0;
  /** Bytes that passed, or are on their way. */
  bytes = 0;

  constructor(bytesPerSecond: number) {
    this.bytesPerMs = bytesPerSecond / 1000;
  }

  /** Lets a slice pass that is sent now; gives back when its last byte is through. */
  pass(now: number, bytes: number): number {
    this.freeAt = Math.max(this.freeAt, now) + bytes / this.bytesPerMs;
    this.bytes += bytes;
    return this.freeAt;
  }
}
