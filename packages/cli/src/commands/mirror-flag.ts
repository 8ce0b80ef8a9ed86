import type { FlagHelp } from "../command.ts";

/** Where a daemon's mirror listens unless told otherwise. */
export const DEFAULT_MIRROR = "127.0.0.1:4101";

/** The flag of every command that asks the daemon's mirror. */
export const MIRROR_FLAG: FlagHelp = {
  flag: "--mirror HOST:PORT",
  help: `The daemon's mirror (default: DARNER_LISTEN_MIRROR, else ${DEFAULT_MIRROR}).`,
};
