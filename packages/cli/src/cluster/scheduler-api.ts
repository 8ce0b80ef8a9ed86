import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { API_TOKEN_FILE, SCHEDULER_DIR } from "@darner/membership";
import { formatAddress, parseListen, takeConfigFlags, type Config } from "@darner/runtime";
import { readArguments } from "../arguments.ts";
import type { CommandContext } from "../command.ts";
import { readConfig } from "../processes/read-config.ts";

/** The scheduler understood what was asked and will not do it: asking again is of no use. */
export class ApiRefusal extends Error {}

/** The scheduler's API as a command asks it. Rejects with an `Error` whose message is for people. */
export type SchedulerApi = {
  ask(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<unknown>;
  /** Server-sent events, each parsed, until they end. */
  events(path: string): AsyncIterable<unknown>;
};

/** The flags of every command that asks the API (`API_FLAGS`), as Node's parser wants them. */
export const API_OPTIONS = {
  api: { type: "string" },
  "token-file": { type: "string" },
  json: { type: "boolean", default: false },
  config: { type: "string" },
} as const;

type Options = Parameters<typeof readArguments>[1];

// The scheduler answers in milliseconds; who holds what of an image it has to ask the registry.
const ANSWER_MS = 40_000;

/** Reads a command's words: its own flags, those of the API and the keys of the configuration. */
export function readApiWords<const Given extends Options>(
  context: CommandContext,
  options: Given,
): ReturnType<typeof readArguments<Given & typeof API_OPTIONS>> & { readonly api: SchedulerApi } {
  const taken = takeConfigFlags(context.argv, Object.keys(options));
  const read = readArguments(taken.rest, { ...API_OPTIONS, ...options }, Object.keys(taken.flags));
  const values = read.values as { api?: string; "token-file"?: string; config?: string };
  const keys = Object.entries(taken.flags).flatMap(([path, value]) => [`--${path}`, value]);
  const config = readConfig({ ...context, argv: [...keys, ...(values.config === undefined ? [] : ["--config", values.config])] });
  const base = (values.api ?? context.env["DARNER_API"] ?? localApi(config)).replace(/\/$/, "");
  const tokenFile = values["token-file"] ?? config.api.tokenFile ?? join(config.dataDir, SCHEDULER_DIR, API_TOKEN_FILE);
  return { ...read, api: openApi(base, tokenFile, context.signal) };
}

/** The API at `base`, with the token in this file, else with the one that the configuration or this machine's scheduler has. */
export function apiAt(context: CommandContext, base: string, tokenFile: string | undefined): SchedulerApi {
  const config = readConfig({ ...context, argv: [] });
  const file = tokenFile ?? config.api.tokenFile ?? join(config.dataDir, SCHEDULER_DIR, API_TOKEN_FILE);
  return openApi(base.replace(/\/$/, ""), file, context.signal);
}

function openApi(base: string, tokenFile: string, interrupted: AbortSignal): SchedulerApi {
  const send = async (method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> => {
    // Who says that a body is JSON has to send one.
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const headers = { authorization: `Bearer ${await tokenIn(tokenFile)}`, ...type };
    const response = await fetch(base + path, {
      method,
      signal,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new Error(`no scheduler answers at ${base}: ${cause}. Its address is listen.http; give it with --api.`, { cause: error });
    });
    if (response.ok) return response;
    const told = (await response.json().catch(() => undefined)) as { error?: string } | undefined;
    const why = `the scheduler answered ${String(response.status)}: ${told?.error ?? "without a reason"}`;
    throw response.status < 500 ? new ApiRefusal(why) : new Error(why);
  };
  return {
    ask: async (method, path, body) => {
      const response = await send(method, path, body, AbortSignal.any([interrupted, AbortSignal.timeout(ANSWER_MS)]));
      return response.json();
    },
    async *events(path) {
      const response = await send("GET", path, undefined, interrupted);
      let text = "";
      for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += part;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const event = text.slice(0, end);
          text = text.slice(end + 2);
          if (event.startsWith("data: ")) yield JSON.parse(event.slice("data: ".length)) as unknown;
        }
      }
    },
  };
}

async function tokenIn(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new Error(`the token of the API cannot be read (${String(error)}): give its file with --token-file`, { cause: error });
  });
  const token = text.trim().split("\n")[0]?.trim() ?? "";
  if (token === "") throw new Error(`${path} holds no token`);
  return token;
}

/** Where a scheduler with this configuration is asked from its own machine. */
function localApi({ listen, api }: Config): string {
  const at = parseListen(listen.http) ?? { host: "127.0.0.1", port: 4111 };
  const isAny = at.host === "0.0.0.0" || at.host === "::";
  return `${api.tls === undefined ? "http" : "https"}://${formatAddress(isAny ? { ...at, host: "127.0.0.1" } : at)}${api.prefix}`;
}
