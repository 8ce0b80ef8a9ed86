import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  drawToken,
  openSigningKey,
  SCHEDULER_DIR,
  TokenFile,
  writeFingerprint,
  writeToken,
  type KeptToken,
  type OwnKey,
} from "@darner/membership";
import { StartError, takeConfigFlags } from "@darner/runtime";
import { readArguments } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { readConfig } from "../processes/read-config.ts";
import { readTtl } from "./ttl.ts";

type Words = {
  readonly verb: string | undefined;
  readonly id: string | undefined;
  readonly ttl: string | undefined;
  readonly description: string;
  readonly json: boolean;
};
type Files = { readonly signingKey: OwnKey; readonly tokens: TokenFile };

const HINT = "token takes create, list or revoke ID";

/** Carries out `darner token`. */
export async function runToken(context: CommandContext): Promise<ExitCode> {
  const { words, config } = readWords(context);
  const { terminal } = context;
  const dir = join(config.dataDir, SCHEDULER_DIR);
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const signingKey = await openSigningKey(dir, config.join.signingKeyFile);
    const tokens = new TokenFile(config.join.tokensFile ?? join(dir, "join-tokens.json"));
    if (words.verb === "create") return await create({ signingKey, tokens }, words, context);
    if (words.verb === "revoke") return await revoke(tokens, words.id ?? "", context);
    terminal.out(listText({ signingKey, tokens }, await tokens.tokens(), words.json));
    return 0;
  } catch (error) {
    if (!(error instanceof Error) || error instanceof UsageError) throw error;
    terminal.err(`darner: ${error.message}\n`);
    return error instanceof StartError ? 2 : 1;
  }
}

function readWords(context: CommandContext): { readonly words: Words; readonly config: ReturnType<typeof readConfig> } {
  const taken = takeConfigFlags(context.argv);
  const { values, positionals } = readArguments(taken.rest, {
    ttl: { type: "string" },
    description: { type: "string", default: "" },
    json: { type: "boolean", default: false },
    config: { type: "string" },
  });
  const [verb, id, ...more] = positionals;
  const takesId = verb === "revoke";
  if (!["create", "list", "revoke"].includes(verb ?? "") || (id !== undefined) !== takesId || more.length > 0) throw new UsageError(HINT);
  const keys = Object.entries(taken.flags).flatMap(([path, value]) => [`--${path}`, value]);
  const argv = [...keys, ...(values.config === undefined ? [] : ["--config", values.config])];
  const { ttl, description, json } = values;
  return { words: { verb, id, ttl, description, json }, config: readConfig({ ...context, argv }) };
}

async function create({ signingKey, tokens }: Files, { ttl, description }: Words, { terminal }: CommandContext): Promise<ExitCode> {
  const now = Date.now();
  const token = drawToken(signingKey.publicKey);
  await tokens.add(token, { description, ...(ttl === undefined ? {} : { expiresAt: now + readTtl(ttl) }) }, now);
  terminal.err(`Token ${token.id}: write the line below to the file that join.tokenFile of the hosts names; it is not shown again.\n`);
  terminal.out(`${writeToken(token).reveal()}\n`);
  return 0;
}

async function revoke(tokens: TokenFile, id: string, { terminal }: CommandContext): Promise<ExitCode> {
  if (await tokens.revoke(id)) {
    terminal.out(
      `Token ${id} lets nobody join any more. Hosts that joined with it stay members: darner hosts list, darner hosts remove HOST.\n`,
    );
    return 0;
  }
  terminal.err(`darner: there is no token ${id}; darner token list shows those there are\n`);
  return 1;
}

function listText({ signingKey }: Files, tokens: readonly KeptToken[], json: boolean): string {
  const fingerprint = writeFingerprint(signingKey.publicKey);
  const shown = tokens.map(({ id, description, createdAt, expiresAt }) => ({
    id,
    description,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
  }));
  if (json) return `${JSON.stringify({ fingerprint, tokens: shown })}\n`;
  const rows = shown.map(
    ({ id, description, createdAt, expiresAt }) =>
      `${id}  created ${createdAt}  ${expiresAt === null ? "no expiry" : `expires ${expiresAt}`}  ${description}\n`,
  );
  return `fingerprint ${fingerprint}\n${rows.length === 0 ? "no tokens: darner token create\n" : rows.join("")}`;
}
