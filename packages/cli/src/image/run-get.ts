import { parseDigest, parseReference, type Digest, type Reference } from "@darner/domain";
import { readArguments } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { bytesText } from "../text.ts";
import { writeWhole } from "./oci-layout.ts";
import { Progress } from "./progress.ts";
import { failed, mirrorClient } from "./transfer.ts";

/** Runs `darner get`. */
export async function runGet(context: CommandContext): Promise<ExitCode> {
  const { values, positionals } = readArguments(context.argv, {
    output: { type: "string", short: "o" },
    mirror: { type: "string" },
    json: { type: "boolean", default: false },
  });
  const { reference, digest } = blobIn(positionals);
  const file = values.output;
  if (file === undefined || file === "") throw new UsageError("-o FILE is needed");
  const client = mirrorClient(values.mirror, context);
  const progress = new Progress(context.terminal, reference.name);
  try {
    let bytes = 0;
    await writeWhole(file, async (write) => {
      const sink = async (chunk: Uint8Array): Promise<void> => {
        await write(chunk);
        progress.add(chunk.length);
      };
      bytes = await client.blob(reference, digest, sink, { onSize: (size) => progress.expect(size ?? 0) });
    });
    progress.finish();
    context.terminal.out(values.json ? `${JSON.stringify({ digest, bytes, file })}\n` : `${digest} ${bytesText(bytes)} in ${file}\n`);
    return 0;
  } catch (error) {
    return failed(context, error);
  }
}

function blobIn(positionals: readonly string[]): { reference: Reference; digest: Digest } {
  const [text, ...more] = positionals;
  if (text === undefined || more.length > 0) throw new UsageError("exactly one REPOSITORY@DIGEST is needed");
  const reference = parseReference(text);
  const parsed = parseDigest(reference?.digest ?? "");
  if (reference === undefined || !parsed.ok || !parsed.known)
    throw new UsageError(`"${text}" is no blob: it is [registry/]name@sha256:… (or sha512)`);
  return { reference, digest: parsed.digest };
}
