import type { Terminal } from "./command.ts";

// A file or a pipe has no width; this is what people read comfortably.
const PLAIN_COLUMNS = 80;

/** The terminal of this process. A reader that went away (`darner status | head -1`) is no error: what it no longer wants is dropped. */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", dropBrokenPipe);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    live: process.stderr.isTTY && process.env["TERM"] !== "dumb",
    get columns() {
      return process.stderr.isTTY ? process.stderr.columns : PLAIN_COLUMNS;
    },
  };
}

function dropBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
