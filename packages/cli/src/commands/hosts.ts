import type { Command } from "../command.ts";
import { API_FLAGS } from "./api-flags.ts";

/** `darner hosts`: who is a member. */
export const hostsCommand: Command = {
  name: "hosts",
  summary: "List the members of the cluster, or remove one for good.",
  usage: "hosts list [--at-least N] [--json] | remove HOST  [--api URL] [--config FILE] [--KEY VALUE …]",
  about:
    "Asks the scheduler's API with the token of api.tokenFile, else the one that the scheduler made in its data directory. A removed host is cut off everywhere within seconds and never comes back under its key; revoke the token it joined with (darner token revoke), or it may join under a new one.",
  flags: [
    { flag: "--at-least N", help: "Wait until so many hosts are connected, half a minute at most; fewer are a failure." },
    ...API_FLAGS,
  ],
  takesConfig: true,
  async run(context) {
    const { runHosts } = await import("../cluster/run-hosts.ts");
    return runHosts(context);
  },
};
