import type { DaemonStatus } from "@darner/daemon";
import { askAdmin, DEFAULT_ADMIN } from "../admin-client.ts";
import { addressIn, readFlags } from "../arguments.ts";
import { UsageError, type Command } from "../command.ts";
import { statusText } from "../status-text.ts";

/** `darner status`: what the daemon of this host, or of another asked peer to peer, says of itself. */
export const statusCommand: Command = {
  name: "status",
  summary: "Show what a daemon is doing: this host's, or another's asked peer to peer.",
  usage: "status [--json] [--admin HOST:PORT] [--host ID --address HOST:PORT]",
  about:
    "Prints who the host is, where its doors are, its scheduler, what its store holds, where its bytes came from, and what it is fetching now.",
  flags: [
    { flag: "--json", help: "As JSON; bytes are plain numbers." },
    { flag: "--admin HOST:PORT", help: `The local API of this host's daemon (default: DARNER_LISTEN_ADMIN, else ${DEFAULT_ADMIN}).` },
    { flag: "--host ID", help: "Ask the host with this id instead, over libp2p through this host's daemon." },
    { flag: "--address HOST:PORT", help: "Where that host's libp2p listens." },
  ],
  takesConfig: false,
  async run({ argv, env, terminal, signal }) {
    const values = readFlags(argv, {
      json: { type: "boolean", default: false },
      admin: { type: "string", default: env["DARNER_LISTEN_ADMIN"] ?? DEFAULT_ADMIN },
      host: { type: "string" },
      address: { type: "string" },
    });
    const admin = addressIn(values.admin, "--admin");
    const answer = await askAdmin(admin, pathOf(values.host, values.address), signal);
    if (!answer.ok) {
      terminal.err(`darner: ${answer.problem}\n`);
      return 1;
    }
    terminal.out(values.json ? `${JSON.stringify(answer.body)}\n` : statusText(answer.body as DaemonStatus));
    return 0;
  },
};

function pathOf(host: string | undefined, address: string | undefined): string {
  if (host === undefined && address === undefined) return "/api/v1/status";
  if (host === undefined || address === undefined) throw new UsageError("--host and --address go together");
  return `/api/v1/hosts/${encodeURIComponent(host)}/status?address=${encodeURIComponent(addressIn(address, "--address"))}`;
}
