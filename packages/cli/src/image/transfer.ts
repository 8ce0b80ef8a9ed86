import { addressIn } from "../arguments.ts";
import type { CommandContext, ExitCode } from "../command.ts";
import { DEFAULT_MIRROR } from "../commands/mirror-flag.ts";
import { MirrorClient } from "./mirror-client.ts";

/** The mirror that `--mirror` names, else the daemon's variable, else the default. */
export function mirrorClient(given: string | undefined, { env, signal }: CommandContext): MirrorClient {
  const address = given ?? env["DARNER_LISTEN_MIRROR"] ?? DEFAULT_MIRROR;
  return new MirrorClient(addressIn(address, given === undefined ? "DARNER_LISTEN_MIRROR" : "--mirror"), signal);
}

/** Says what went wrong with a transfer: exit code 1. */
export function failed({ terminal, signal }: CommandContext, error: unknown): ExitCode {
  const message = error instanceof Error ? error.message : String(error);
  terminal.err(`darner: ${signal.aborted ? "interrupted" : message}\n`);
  return 1;
}
