import { sleep } from "@darner/runtime";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { ApiRefusal, readApiWords, type SchedulerApi } from "./scheduler-api.ts";

type Host = {
  readonly host: string;
  readonly name: string;
  readonly address: string;
  readonly via: string;
  readonly connected: boolean;
  readonly lastSeenAt: number;
};

type HostList = { readonly hosts: readonly Host[] };

// Daemons that have just started join within seconds.
const PATIENCE_MS = 60_000;
const LOOK_MS = 1000;

/** Carries out `darner hosts`. */
export async function runHosts(context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const { values, positionals, api } = readApiWords(context, { "at-least": { type: "string" } });
  const atLeast = countIn(values["at-least"]);
  const [verb, host, ...more] = positionals;
  const isRight = (verb === "list" && host === undefined) || (verb === "remove" && host !== undefined && more.length === 0);
  if (!isRight) throw new UsageError("hosts takes list, or remove HOST");
  try {
    const answer = await (host === undefined
      ? hostsOf(api, atLeast, context.signal)
      : api.ask("DELETE", `/api/v1/hosts/${encodeURIComponent(host)}`));
    if (values.json) terminal.out(`${JSON.stringify(answer)}\n`);
    else terminal.out(host === undefined ? listText((answer as HostList).hosts) : `${host} is no member any more.\n`);
    const connected = host === undefined ? connectedIn(answer as HostList) : 0;
    if (connected >= atLeast || host !== undefined) return 0;
    throw new Error(`${String(connected)} of ${String(atLeast)} hosts are connected: the logs of the others say why they are not`);
  } catch (error) {
    terminal.err(`darner: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function countIn(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^[0-9]{1,6}$/.test(text)) throw new UsageError(`--at-least takes a number of hosts, not "${text}"`);
  return Number(text);
}

/** The members, as soon as enough of them are connected, or when patience is over; a scheduler that does not answer yet is waited for, too. */
async function hostsOf(api: SchedulerApi, atLeast: number, signal: AbortSignal): Promise<HostList> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      const list = (await api.ask("GET", "/api/v1/hosts")) as HostList;
      if (connectedIn(list) >= atLeast || performance.now() > until) return list;
    } catch (error) {
      if (atLeast === 0 || error instanceof ApiRefusal || performance.now() > until) throw error;
    }
    await sleep(LOOK_MS, signal);
  }
}

function connectedIn({ hosts }: HostList): number {
  return hosts.filter(({ connected }) => connected).length;
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
