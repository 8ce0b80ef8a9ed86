/** What a rest needs of the process. */
export type PacketRestDeps = {
  /** Milliseconds, with fractions. */
  readonly now: () => number;
  /** Calls back when everything that is there now was dealt with. */
  readonly afterTurn: (callback: () => void) => void;
  /** Stops this thread. */
  readonly sleep: (ms: number) => void;
};

// 2 ms: seventeen packets of 1500 bytes at 100 Mbit/s, one round trip in a data centre, and nothing to whoever waits for an answer.
const MAX_REST_MS = 2;
// Below half a millisecond (1 Gbit/s at 64 KiB) sleeping costs more than the wake-ups it saves: packets then come in bunches by themselves.
const MIN_REST_MS = 0.5;
// What one read of a socket takes: no more need gather.
const GATHERED_BYTES = 64 * 1024;
// Fewer than two full packets a rest (12 Mbit/s) gather nothing.
const WORTHWHILE_BYTES = 3000;
// A turn in which this much moved is not one packet's: this host has enough to do.
const BUSY_TURN_BYTES = 32 * 1024;
// How long the rate is measured before it is believed, so that a small blob never waits.
const WINDOW_MS = 50;
// A rest that lasts a millisecond longer than it should: others want the processor, and packets gather while this process waits for its turn.
const LATE_MS = 1;
// How long nothing rests after that.
const BUSY_MS = 1000;

/**
 * On a slow link every packet wakes the process, which costs more than what is done with it. So after a turn of the event loop in which few
 * bulk bytes came, at a steady rate that will bring more, the main thread rests a moment and finds many packets at once. Resting the thread
 * and not the sockets spares them the system calls of being stopped and started, and lets what other sockets bring gather as well.
 */
export class PacketRest {
  readonly #deps: PacketRestDeps;
  #turnBytes = 0;
  #windowBytes = 0;
  #windowBegan = -Infinity;
  #bytesPerMs = 0;
  #isAwaited = false;
  #noRestBefore = -Infinity;

  constructor(deps: PacketRestDeps) {
    this.#deps = deps;
  }

  /** Bytes of a blob came from a registry or a parent. */
  came(bytes: number): void {
    this.#turnBytes += bytes;
    this.#windowBytes += bytes;
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    this.#deps.afterTurn(() => {
      this.#isAwaited = false;
      this.#endTurn();
    });
  }

  /** Bytes of a blob were given on: whoever takes them is waiting for the next ones. */
  left(bytes: number): void {
    this.#turnBytes += bytes;
  }

  #endTurn(): void {
    const moved = this.#turnBytes;
    this.#turnBytes = 0;
    const now = this.#deps.now();
    this.#measure(now);
    if (now < this.#noRestBefore) return;
    const restMs = Math.min(MAX_REST_MS, GATHERED_BYTES / this.#bytesPerMs);
    const isSteady = this.#bytesPerMs * restMs >= WORTHWHILE_BYTES;
    if (!isSteady || moved >= BUSY_TURN_BYTES || restMs < MIN_REST_MS) return;
    this.#deps.sleep(restMs);
    const woken = this.#deps.now();
    if (woken - now > restMs + LATE_MS) this.#noRestBefore = woken + BUSY_MS;
  }

  /** The rate of the last whole window; none where nothing came for a while. */
  #measure(now: number): void {
    const elapsedMs = now - this.#windowBegan;
    if (elapsedMs < WINDOW_MS) return;
    this.#bytesPerMs = elapsedMs < 2 * WINDOW_MS ? this.#windowBytes / elapsedMs : 0;
    this.#windowBytes = 0;
    this.#windowBegan = now;
  }
}

/** Rests this process's main thread. */
export function openPacketRest(): PacketRest {
  const never = new Int32Array(new SharedArrayBuffer(4));
  return new PacketRest({
    now: () => performance.now(),
    afterTurn: (callback) => void setImmediate(callback),
    sleep: (ms) => void Atomics.wait(never, 0, 0, ms),
  });
}
