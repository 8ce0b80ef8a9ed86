import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { readApiWords } from "./scheduler-api.ts";

type Host = {
  readonly host: string;
  readonly name: string;
  readonly address: string;
  readonly via: string;
  readonly connected: boolean;
  readonly lastSeenAt: number;
};

/** Carries out `darner hosts`. */
export async function runHosts(context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const { values, positionals, api } = readApiWords(context, {});
  const [verb, host, ...more] = positionals;
  const isRight = (verb === "list" && host === undefined) || (verb === "remove" && host !== undefined && more.length === 0);
  if (!isRight) throw new UsageError("hosts takes list, or remove HOST");
  try {
    const answer = await (host === undefined
      ? api.ask("GET", "/api/v1/hosts")
      : api.ask("DELETE", `/api/v1/hosts/${encodeURIComponent(host)}`));
    if (values.json) terminal.out(`${JSON.stringify(answer)}\n`);
    else terminal.out(host === undefined ? listText((answer as { hosts: readonly Host[] }).hosts) : `${host} is no member any more.\n`);
    return 0;
  } catch (error) {
    terminal.err(`darner: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function listText(hosts: readonly Host[]): string {
  if (hosts.length === 0) return "no hosts\n";
  return hosts
    .map(({ host, name, address, via, connected, lastSeenAt }) => {
      const seen = connected ? "connected" : `last seen ${new Date(lastSeenAt).toISOString()}`;
      return `${host}  ${name}  ${address}  ${seen}${via === "" ? "" : `  by ${via}`}\n`;
    })
    .join("");
}
