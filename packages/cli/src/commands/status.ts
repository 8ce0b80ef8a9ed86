import type { DaemonStatus } from "@darner/daemon";
import { readArguments } from "../arguments.ts";
import { UsageError, type Command } from "../command.ts";
import { bytesText } from "../text.ts";

const DEFAULT_ADMIN = "127.0.0.1:4104";

/** `darner status`: what the daemon of this host, or of another asked peer to peer, says of itself. */
export const statusCommand: Command = {
  name: "status",
  summary: "Show what a daemon is doing: this host's, or another's asked peer to peer.",
  usage: "status [--json] [--admin HOST:PORT] [--host ID --address HOST:PORT]",
  flags: [
    { flag: "--json", help: "As JSON." },
    { flag: "--admin HOST:PORT", help: `The local API of this host's daemon (default ${DEFAULT_ADMIN}, or DARNER_LISTEN_ADMIN).` },
    { flag: "--host ID", help: "Ask the host with this id instead, over libp2p through this host's daemon." },
    { flag: "--address HOST:PORT", help: "Where that host's libp2p listens." },
  ],
  takesConfig: false,
  async run({ argv, env, terminal }) {
    const { values } = readArguments(argv, {
      json: { type: "boolean", default: false },
      admin: { type: "string", default: env["DARNER_LISTEN_ADMIN"] ?? DEFAULT_ADMIN },
      host: { type: "string" },
      address: { type: "string" },
    });
    if ((values.host === undefined) !== (values.address === undefined)) throw new UsageError("--host and --address go together");
    const path = values.host === undefined ? "/api/v1/status" : `/api/v1/hosts/${values.host}/status?address=${encodeURIComponent(values.address ?? "")}`;
    const answer = await ask(`http://${values.admin}${path}`);
    if (typeof answer === "string") {
      terminal.err(`${answer}\n`);
      return 1;
    }
    terminal.out(values.json ? `${JSON.stringify(answer)}\n` : statusText(answer));
    return 0;
  },
};

async function ask(url: string): Promise<DaemonStatus | string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const body: unknown = await response.json();
    if (response.ok) return body as DaemonStatus;
    return `the daemon answered ${String(response.status)}: ${String((body as { error?: unknown }).error)}`;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return `no daemon answers at ${url}: ${cause}. Is it running (darner up, darner daemon)? Another address is given with --admin.`;
  }
}

function statusText(status: DaemonStatus): string {
  const { bytes, store } = status;
  const lines = [
    `host       ${status.host} (${status.name})`,
    `version    ${status.version}, up ${String(status.upSeconds)} s${status.seed ? ", seed" : ""}${status.zone === "" ? "" : `, zone ${status.zone}`}`,
    `mirror     http://${status.addresses.mirror}`,
    `pieces     ${status.addresses.pieces}   libp2p ${status.addresses.p2p}   metrics ${status.addresses.metrics}`,
    `scheduler  ${status.scheduler ?? (status.schedulers.length === 0 ? "none configured" : `none answers (${status.schedulers.join(", ")})`)}`,
    `store      ${bytesText(store.bytes)} of ${bytesText(store.maxBytes)} in ${String(store.blobs)} blobs`,
    `bytes      ${bytesText(bytes.source)} from the source, ${bytesText(bytes.parent)} from other hosts, ${bytesText(bytes.disk)} from disk, ${bytesText(bytes.uploaded)} uploaded`,
    ...status.peers.map((peer) => `fetching   ${peer.digest} ${bytesText(peer.bytes)}, ${String(peer.held)} of ${String(peer.pieces)} pieces`),
    ...status.refusedRegistries.map(({ registry, reason }) => `refused    ${registry}: ${reason}; to allow it: registries: { "${registry}": {} }`),
  ];
  return `${lines.join("\n")}\n`;
}
