import type { FlagHelp } from "../command.ts";

/** The flags of every command that asks the scheduler's API. */
export const API_FLAGS: readonly FlagHelp[] = [
  { flag: "--api URL", help: "The scheduler's HTTP side (default: DARNER_API, else listen.http of the configuration, on this machine)." },
  {
    flag: "--token-file FILE",
    help: "A file with a token of the API (default: api.tokenFile, else the one in the scheduler's data directory).",
  },
  { flag: "--json", help: "The answer as JSON." },
  { flag: "--config FILE", help: "The scheduler's configuration, a YAML file." },
];
