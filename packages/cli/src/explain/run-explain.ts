import type { BlobExplanation } from "@darner/daemon";
import { parseDigest, parseReference } from "@darner/domain";
import { askAdmin, DEFAULT_ADMIN } from "../admin-client.ts";
import { addressIn, readArguments } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { ownPlatform } from "../image/own-platform.ts";
import { failed, mirrorClient } from "../image/transfer.ts";
import { explainText } from "./explain-text.ts";
import { apiAt, type SchedulerApi } from "../cluster/scheduler-api.ts";
import { swarmText, type SwarmAnswer } from "./swarm-text.ts";
import { imageParts, type ImagePart } from "./image-parts.ts";

/** What this host's daemon says of a blob, and what the scheduler does where it was asked. */
type Explained = ImagePart & { readonly explanation: BlobExplanation | null; readonly swarm?: SwarmAnswer };

/** Runs `darner explain`. */
export async function runExplain(context: CommandContext): Promise<ExitCode> {
  const { argv, env, terminal } = context;
  const { values, positionals } = readArguments(argv, {
    admin: { type: "string", default: env["DARNER_LISTEN_ADMIN"] ?? DEFAULT_ADMIN },
    mirror: { type: "string" },
    platform: { type: "string", default: ownPlatform() },
    api: { type: "string" },
    "token-file": { type: "string" },
    json: { type: "boolean", default: false },
  });
  const [text, ...more] = positionals;
  if (text === undefined || more.length > 0) throw new UsageError("exactly one DIGEST or IMAGE is needed");
  const admin = addressIn(values.admin, "--admin");
  try {
    const parts = await partsMeant(text, values.mirror, values.platform, context);
    const base = values.api ?? env["DARNER_API"];
    const api = base === undefined ? undefined : apiAt(context, base, values["token-file"]);
    const explained = await explainAll(parts, admin, api, context);
    if (typeof explained === "string") {
      terminal.err(`darner: ${explained}\n`);
      return 1;
    }
    terminal.out(values.json ? `${JSON.stringify({ blobs: explained })}\n` : explained.map(textOf).join("\n"));
    return explained.some(({ explanation, swarm }) => explanation !== null || (swarm?.swarms.length ?? 0) > 0) ? 0 : 1;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return failed(context, error);
  }
}

/** The blobs that are asked about: one by its digest, or those of an image. */
async function partsMeant(text: string, mirror: string | undefined, platform: string, context: CommandContext): Promise<ImagePart[]> {
  const digest = parseDigest(text);
  if (digest.ok && digest.known) return [{ kind: "blob", digest: digest.digest }];
  if (/^sha(?:256|512):/.test(text)) throw new UsageError(`"${text}" is no digest: sha256: and 64 hexadecimal digits, or sha512: and 128`);
  const reference = parseReference(text);
  if (reference === undefined)
    throw new UsageError(`"${text}" is neither a digest (sha256:…) nor an image ([registry/]name[:tag][@digest])`);
  return imageParts({ reference, client: mirrorClient(mirror, context), platform });
}

/** What daemon and scheduler say of each; the reason where the daemon says nothing at all and nobody else is asked. */
async function explainAll(
  parts: readonly ImagePart[],
  admin: string,
  api: SchedulerApi | undefined,
  { signal }: CommandContext,
): Promise<Explained[] | string> {
  const explained: Explained[] = [];
  for (const part of parts) {
    const answer = await askAdmin(admin, `/api/v1/blobs/${part.digest}`, signal);
    const told = await api?.ask("GET", `/api/v1/blobs/${part.digest}`);
    const swarm = told === undefined ? {} : { swarm: told as SwarmAnswer };
    if (answer.ok) explained.push({ ...part, explanation: answer.body as BlobExplanation, ...swarm });
    else if (answer.status === 404 && (parts.length > 1 || api !== undefined)) explained.push({ ...part, explanation: null, ...swarm });
    else if (answer.status === 404) return `${answer.problem}. Pull it here first (darner get, darner pull), or ask the host that has it.`;
    else return answer.problem;
  }
  return explained;
}

function textOf({ kind, digest, explanation, swarm }: Explained): string {
  const here =
    explanation === null
      ? `${kind} ${digest}\n  not held by this host, and not asked for since its daemon started\n`
      : explainText(kind, explanation);
  return swarm === undefined ? here : here + swarmText(swarm);
}
