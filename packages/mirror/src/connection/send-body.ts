import type { BlobReader, LentBytes } from "../mirror-backend.ts";
import type { Exchange } from "./exchange.ts";

/** How sending a body ended; where it is not whole, the response has to be ended short, and `cause` says why. */
export type BodyEnd = { readonly whole: true } | { readonly whole: false; readonly cause: unknown };

const WHOLE: BodyEnd = { whole: true };

/**
 * Sends exactly `length` bytes from a reader: the next are read while the last are on their way, so at most two lent buffers are in
 * flight.
 */
export async function sendExactly(exchange: Exchange, reader: BlobReader, length: number): Promise<BodyEnd> {
  let left = length;
  let writing: Promise<void> = Promise.resolve();
  // Bytes at hand leave with the head; a head whose bytes are still to come leaves by itself.
  const sendingHead = setImmediate(() => {
    exchange.sendHead();
  });
  try {
    while (left > 0) {
      const lent = await readWithin(exchange, reader);
      clearImmediate(sendingHead);
      await writing;
      if (typeof lent === "string") return short(lent);
      if (lent.bytes.length > left) {
        lent.release();
        return short("the reader gives more than was asked for");
      }
      left -= lent.bytes.length;
      writing = writeLent(exchange, lent);
    }
    return WHOLE;
  } catch (cause) {
    return { whole: false, cause };
  } finally {
    clearImmediate(sendingHead);
    await writing;
  }
}

/** Sends all a reader has, of unknown length, always one buffer behind: the last one leaves only when the reader has ended cleanly. */
export async function sendAll(exchange: Exchange, reader: BlobReader): Promise<BodyEnd> {
  let held: LentBytes | undefined;
  try {
    for (;;) {
      const lent = await readWithin(exchange, reader);
      if (lent === "given-up") return short(lent);
      const previous = held;
      held = lent === "end" ? undefined : lent;
      if (previous !== undefined) await writeLent(exchange, previous);
      if (lent === "end") return WHOLE;
    }
  } catch (cause) {
    return { whole: false, cause };
  } finally {
    held?.release();
  }
}

function short(cause: string): BodyEnd {
  return { whole: false, cause };
}

/** A read that gives the reader up when it stalls or the exchange is over: the reader then answers undefined, which is no end. */
async function readWithin(exchange: Exchange, reader: BlobReader): Promise<LentBytes | "end" | "given-up"> {
  let isGivenUp = false;
  const giveUp = (): void => {
    isGivenUp = true;
    reader.close();
  };
  if (exchange.signal.aborted) return "given-up";
  exchange.signal.addEventListener("abort", giveUp, { once: true });
  const cancel = exchange.timers.setTimeout(giveUp, exchange.stallTimeoutMs);
  try {
    const lent = await reader.read();
    // TypeScript cannot see that `giveUp` ran meanwhile.
    if (!(isGivenUp as boolean)) return lent ?? "end";
    lent?.release();
    return "given-up";
  } finally {
    cancel();
    exchange.signal.removeEventListener("abort", giveUp);
  }
}

async function writeLent(exchange: Exchange, lent: LentBytes): Promise<void> {
  try {
    await exchange.write(lent.bytes);
  } finally {
    lent.release();
  }
}
