/**
 * A door in front of the registry that gives every connection the same rate, as some registries and storage services do.
 * `node connection-limit.ts PORT TARGET-PORT BITS-PER-SECOND`, in the registry's own namespace.
 */
import { connect, createServer, type Socket } from "node:net";

// What a connection may be ahead of its rate: little, so that many short requests gain nothing.
const BURST_BYTES = 64 * 1024;

/** Passes bytes on no faster than its rate. */
class Trickle {
  readonly #bytesPerMs: number;
  #allowance = BURST_BYTES;
  #at = performance.now();

  constructor(bitsPerSecond: number) {
    this.#bytesPerMs = bitsPerSecond / 8 / 1000;
  }

  /** Takes `bytes` out; how long to wait before the next ones, in milliseconds. */
  take(bytes: number): number {
    const now = performance.now();
    this.#allowance = Math.min(BURST_BYTES, this.#allowance + (now - this.#at) * this.#bytesPerMs) - bytes;
    this.#at = now;
    return this.#allowance >= 0 ? 0 : -this.#allowance / this.#bytesPerMs;
  }
}

function passOn(from: Socket, to: Socket, bitsPerSecond: number): void {
  const trickle = new Trickle(bitsPerSecond);
  from.on("data", (bytes: Buffer) => {
    from.pause();
    const resume = (): void => {
      const waitMs = trickle.take(bytes.length);
      if (waitMs === 0) from.resume();
      else setTimeout(() => from.resume(), waitMs);
    };
    to.write(bytes, resume);
  });
  from.once("end", () => to.end());
}

const [port, target, bitsPerSecond] = process.argv.slice(2).map(Number);
createServer({ allowHalfOpen: true }, (client) => {
  const registry = connect({ host: "127.0.0.1", port: target ?? 0, allowHalfOpen: true });
  for (const [one, other] of [
    [client, registry],
    [registry, client],
  ] as const) {
    // One end gone: so is the other.
    one.on("error", () => other.destroy());
    one.once("close", () => other.destroy());
  }
  client.pipe(registry);
  passOn(registry, client, bitsPerSecond ?? 0);
}).listen(port, "0.0.0.0");
