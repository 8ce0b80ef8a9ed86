import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { API_TOKEN_FILE, SCHEDULER_DIR } from "@darner/membership";
import { formatAddress, parseListen, takeConfigFlags, type Config } from "@darner/runtime";
import { readArguments } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { readConfig } from "../processes/read-config.ts";

type Host = {
  readonly host: string;
  readonly name: string;
  readonly address: string;
  readonly via: string;
  readonly connected: boolean;
  readonly lastSeenAt: number;
};
type Answer = { readonly hosts?: readonly Host[]; readonly error?: string };

// The scheduler answers in milliseconds.
const ANSWER_MS = 10_000;

/** Carries out `darner hosts`. */
export async function runHosts(context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const { host, json, base, config } = readWords(context);
  try {
    const answer = await ask(
      `${base}/api/v1/hosts${host === undefined ? "" : `/${encodeURIComponent(host)}`}`,
      host !== undefined,
      config,
      context.signal,
    );
    if (json) terminal.out(`${JSON.stringify(answer)}\n`);
    else terminal.out(host === undefined ? listText(answer.hosts ?? []) : `${host} is no member any more.\n`);
    return 0;
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : new Error(String(error));
    terminal.err(`darner: ${message}${cause instanceof Error ? `: ${cause.message}` : ""}\n`);
    return 1;
  }
}

function readWords(context: CommandContext): { host: string | undefined; json: boolean; base: string; config: Config } {
  const taken = takeConfigFlags(context.argv);
  const { values, positionals } = readArguments(taken.rest, {
    api: { type: "string" },
    json: { type: "boolean", default: false },
    config: { type: "string" },
  });
  const [verb, host, ...more] = positionals;
  const isRight = (verb === "list" && host === undefined) || (verb === "remove" && host !== undefined && more.length === 0);
  if (!isRight) throw new UsageError("hosts takes list, or remove HOST");
  const keys = Object.entries(taken.flags).flatMap(([path, value]) => [`--${path}`, value]);
  const config = readConfig({ ...context, argv: [...keys, ...(values.config === undefined ? [] : ["--config", values.config])] });
  return { host, json: values.json, base: (values.api ?? localApi(config)).replace(/\/$/, ""), config };
}

/** Where a scheduler with this configuration is asked from its own machine. */
function localApi({ listen }: Config): string {
  const at = parseListen(listen.http) ?? { host: "127.0.0.1", port: 4111 };
  const isAny = at.host === "0.0.0.0" || at.host === "::";
  return `http://${formatAddress(isAny ? { ...at, host: "127.0.0.1" } : at)}`;
}

async function ask(url: string, removes: boolean, config: Config, interrupted: AbortSignal): Promise<Answer> {
  const path = config.api.tokenFile ?? join(config.dataDir, SCHEDULER_DIR, API_TOKEN_FILE);
  const [token = ""] = (await readFile(path, "utf8")).trim().split("\n");
  const response = await fetch(url, {
    method: removes ? "DELETE" : "GET",
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.any([interrupted, AbortSignal.timeout(ANSWER_MS)]),
  });
  const answer = (await response.json()) as Answer;
  if (!response.ok) throw new Error(`the scheduler answered ${String(response.status)}: ${answer.error ?? ""}`);
  return answer;
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
