import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

/** A client that speaks bytes, and sees how a connection ends. */
export type Wire = AsyncDisposable & {
  readonly socket: Socket;
  send(text: string | Uint8Array): void;
  /** All that has come so far. */
  received(): Buffer;
  /** Waits until the text so far contains `text`. */
  until(text: string): Promise<void>;
  /** Waits until the other end is done: `fin`, or the code of the error it was instead. */
  ended(): Promise<string>;
};

/** Connects; the client keeps its own sending half open until it is disposed. */
export async function openWire(port: number): Promise<Wire> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const chunks: Buffer[] = [];
  let error: NodeJS.ErrnoException | undefined;
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", (cause) => (error = cause));
  await once(socket, "connect");
  const received = (): Buffer => Buffer.concat(chunks);
  const ended = async (): Promise<string> => {
    if (error === undefined && !socket.readableEnded && !socket.destroyed) {
      await Promise.race([once(socket, "end"), once(socket, "close")].map((end) => end.catch(() => {})));
    }
    return error?.code ?? (socket.readableEnded ? "fin" : "closed");
  };
  return {
    socket,
    send: (text) => socket.write(text),
    received,
    until: async (text) => {
      while (!received().includes(text)) {
        if (socket.readableEnded || socket.destroyed) throw new Error(`the connection ended before ${JSON.stringify(text)} came`);
        await Promise.race([once(socket, "data"), once(socket, "end"), once(socket, "close")]);
      }
    },
    ended,
    [Symbol.asyncDispose]: async () => {
      if (socket.destroyed) return;
      const closed = once(socket, "close");
      socket.destroy();
      await closed;
    },
  };
}

/** The body of the only response received: what follows its head. */
export function bodyOf(received: Buffer): Buffer {
  return received.subarray(received.indexOf("\r\n\r\n") + 4);
}
