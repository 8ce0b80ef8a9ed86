import type { Socket } from "node:net";
import type { Timers } from "@darner/runtime";

/**
 * Ends a connection with a FIN: what is queued still leaves, then input is read and discarded until the client closes or `lingerMs`
 * have passed. Closing a socket with unread input would become a reset, which throws away what the client has not read and kills
 * its pull (contract 0.1).
 */
export function endGently(socket: Socket, lingerMs: number, timers: Timers): void {
  if (socket.destroyed) return;
  // A listener for data takes the HTTP parser off the line; what still comes in is nobody's request.
  socket.removeAllListeners("data");
  socket.on("data", discard);
  // Node leaves a socket that the HTTP parser had paused marked as being read; an empty push takes the mark away, so that resuming reads.
  if (!socket.readableEnded) socket.push("");
  socket.resume();
  socket.end();
  const cancel = timers.setTimeout(() => {
    socket.destroy();
  }, lingerMs);
  socket.once("close", cancel);
}

function discard(): void {}
