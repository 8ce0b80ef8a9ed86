import type { ExitCode, Terminal } from "./command.ts";

/** Where a daemon's mirror listens unless told otherwise. */
export const DEFAULT_MIRROR = "127.0.0.1:4101";

/** Says what went wrong with a transfer: exit code 1. */
export function failed(terminal: Terminal, error: unknown): ExitCode {
  terminal.err(`darner: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
}
