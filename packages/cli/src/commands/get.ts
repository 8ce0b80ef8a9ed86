import { open, rename, rm } from "node:fs/promises";
import { parseDigest, parseReference, type Digest, type Reference } from "@darner/domain";
import { readArguments } from "../arguments.ts";
import { UsageError, type Command, type Terminal } from "../command.ts";
import { DEFAULT_MIRROR, failed } from "../mirror-command.ts";
import { MirrorClient } from "../mirror-client.ts";
import { Progress } from "../progress.ts";
import { bytesText } from "../text.ts";

/** `darner get`: one blob through the local daemon, to a file. */
export const getCommand: Command = {
  name: "get",
  summary: "Get one blob through this host's daemon, checked, to a file.",
  usage: "get REPOSITORY@DIGEST -o FILE [--mirror HOST:PORT] [--json]",
  flags: [
    { flag: "-o, --output FILE", help: "The file to write; it appears only when the digest is right." },
    { flag: "--mirror HOST:PORT", help: `The daemon's mirror (default ${DEFAULT_MIRROR}, or DARNER_LISTEN_MIRROR).` },
    { flag: "--json", help: "The result as JSON." },
  ],
  takesConfig: false,
  async run({ argv, env, terminal }) {
    const { values, positionals } = readArguments(argv, {
      output: { type: "string", short: "o" },
      mirror: { type: "string", default: env["DARNER_LISTEN_MIRROR"] ?? DEFAULT_MIRROR },
      json: { type: "boolean", default: false },
    });
    const { reference, digest } = blobIn(positionals);
    const file = values.output;
    if (file === undefined) throw new UsageError("-o FILE is needed");
    try {
      const bytes = await getBlob(new MirrorClient(values.mirror), reference, digest, file, terminal);
      terminal.out(values.json ? `${JSON.stringify({ digest, bytes, file })}\n` : `${digest} ${bytesText(bytes)} in ${file}\n`);
      return 0;
    } catch (error) {
      return failed(terminal, error);
    }
  },
};

function blobIn(positionals: readonly string[]): { reference: Reference; digest: Digest } {
  const [text, ...more] = positionals;
  if (text === undefined || more.length > 0) throw new UsageError("exactly one REPOSITORY@DIGEST is needed");
  const reference = parseReference(text);
  const parsed = parseDigest(reference?.digest ?? "");
  if (reference === undefined || !parsed.ok || !parsed.known) throw new UsageError(`"${text}" is no blob: it is [registry/]name@sha256:… (or sha512)`);
  return { reference, digest: parsed.digest };
}

async function getBlob(client: MirrorClient, reference: Reference, digest: Digest, path: string, terminal: Terminal): Promise<number> {
  const partial = `${path}.partial`;
  const file = await open(partial, "w");
  const progress = new Progress(terminal, digest.slice(0, 19));
  try {
    const write = async (bytes: Uint8Array): Promise<void> => {
      await file.writeFile(bytes);
      progress.add(bytes.length);
    };
    const bytes = await client.blob(reference, digest, write, (size) => {
      progress.expect(size ?? 0);
    });
    progress.finish();
    await file.close();
    await rename(partial, path);
    return bytes;
  } catch (error) {
    await file.close();
    await rm(partial, { force: true });
    throw error;
  }
}
