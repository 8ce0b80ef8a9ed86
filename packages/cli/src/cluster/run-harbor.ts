import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sleep } from "@darner/runtime";
import { readArguments } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { changeInstance, findInstance, HarborRefusal, makeInstance, type HarborApi, type HarborInstance } from "./harbor-api.ts";

// A Harbor that has just started answers within this.
const PATIENCE_MS = 120_000;
const AGAIN_MS = 3000;

/** Carries out `darner harbor register`. */
export async function runHarbor({ argv, terminal, signal }: CommandContext): Promise<ExitCode> {
  const { values, positionals } = readArguments(argv, {
    harbor: { type: "string" },
    endpoint: { type: "string" },
    credentials: { type: "string" },
    "token-file": { type: "string" },
    name: { type: "string", default: "darner" },
    ca: { type: "string" },
    insecure: { type: "boolean", default: false },
  });
  if (positionals.length !== 1 || positionals[0] !== "register") throw new UsageError("harbor takes register");
  const url = urlIn(values.harbor, "--harbor");
  const endpoint = urlIn(values.endpoint, "--endpoint");
  if (!/^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/.test(values.name)) {
    throw new UsageError(`--name takes letters and digits with single . _ - between them, not "${values.name}"`);
  }
  const { credentials, "token-file": tokenFile } = values;
  if (credentials === undefined || tokenFile === undefined)
    throw new UsageError("harbor register needs --credentials DIR and --token-file FILE");
  try {
    const [username, password, tokens, ca] = await Promise.all([
      fileOf(join(credentials, "username")),
      fileOf(join(credentials, "password")),
      fileOf(tokenFile),
      values.ca === undefined ? undefined : fileOf(values.ca),
    ]);
    const [token = ""] = tokens.split("\n");
    const harbor: HarborApi = { url, username, password, ...(ca === undefined ? {} : { ca }) };
    const instance = {
      name: values.name,
      vendor: "dragonfly",
      endpoint,
      auth_mode: "OAUTH",
      auth_info: { token: token.trim() },
      enabled: true,
      insecure: values.insecure,
    };
    terminal.out(`${await patiently(() => register(harbor, instance), signal)}\n`);
    return 0;
  } catch (error) {
    terminal.err(`darner: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

async function register(harbor: HarborApi, instance: HarborInstance): Promise<string> {
  const { name, endpoint } = instance;
  const there = await findInstance(harbor, name);
  if (there === undefined) {
    await makeInstance(harbor, instance);
    return `${name} is a preheat provider of ${harbor.url} now, at ${endpoint}`;
  }
  if (there.vendor !== instance.vendor)
    throw new HarborRefusal(409, `the name ${name}`, `it is an instance of ${there.vendor}; choose another --name`);
  // Harbor never shows the token, so that nobody can see whether it is still the same.
  await changeInstance(harbor, { ...there, ...instance });
  return `${name} was a preheat provider of ${harbor.url} already and is brought up to date, at ${endpoint}`;
}

/** Tries again what may only be too early: a Harbor that does not answer, or not yet. */
async function patiently(work: () => Promise<string>, signal: AbortSignal): Promise<string> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isFinal = error instanceof HarborRefusal && error.status < 500;
      if (isFinal || performance.now() > until) throw error;
      await sleep(AGAIN_MS, signal);
    }
  }
}

function urlIn(text: string | undefined, flag: string): string {
  if (text === undefined || !/^https?:\/\/[^\s?#]+$/.test(text))
    throw new UsageError(`harbor register needs ${flag} with a URL, as in https://harbor.corp`);
  return text;
}

async function fileOf(path: string): Promise<string> {
  return (await readFile(path, "utf8")).trim();
}
