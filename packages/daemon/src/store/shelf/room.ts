/** How much the store may take. */
export type RoomLimits = { readonly maxBytes: number; readonly minFreeBytes: number };

/**
 * The byte budget. A blob on its way in counts in full from the start (`reserved`), so that what was begun can end; `stored` is what really
 * lies on the disk.
 */
export class Room {
  readonly limits: RoomLimits;
  readonly #freeBytes: () => Promise<number>;
  reserved = 0;
  stored = 0;

  constructor(limits: RoomLimits, freeBytes: () => Promise<number>) {
    this.limits = limits;
    this.#freeBytes = freeBytes;
  }

  /** Bytes that may still be reserved: the tighter of the budget and the disk; below zero where there is too little already. */
  async headroom(): Promise<number> {
    const promised = this.reserved - this.stored;
    const onDisk = (await this.#freeBytes()) - this.limits.minFreeBytes - promised;
    return Math.min(this.limits.maxBytes - this.reserved, onDisk);
  }
}
