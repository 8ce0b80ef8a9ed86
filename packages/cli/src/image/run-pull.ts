import { parseDigest, parseReference, type Reference } from "@darner/domain";
import { readArguments } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { bytesText } from "../text.ts";
import { ownPlatform } from "./own-platform.ts";
import { OciLayout } from "./oci-layout.ts";
import { pullImage, type PulledImage } from "./pull-image.ts";
import { failed, mirrorClient } from "./transfer.ts";

/** Runs `darner pull`. */
export async function runPull(context: CommandContext): Promise<ExitCode> {
  const { values, positionals } = readArguments(context.argv, {
    output: { type: "string", short: "o" },
    platform: { type: "string" },
    "all-platforms": { type: "boolean", default: false },
    mirror: { type: "string" },
    json: { type: "boolean", default: false },
  });
  const reference = imageIn(positionals);
  const allPlatforms = values["all-platforms"];
  if (allPlatforms && values.platform !== undefined) throw new UsageError("--platform and --all-platforms exclude each other");
  const platform = platformIn(values.platform ?? ownPlatform());
  const layout = values.output === undefined ? undefined : new OciLayout(layoutDir(values.output));
  const client = mirrorClient(values.mirror, context);
  try {
    const image = await pullImage({ reference, client, layout, platform, allPlatforms, terminal: context.terminal });
    const { manifest: digest, mediaType, size } = image;
    await layout?.finish({ digest, mediaType, size, ...(reference.tag === undefined ? {} : { name: reference.tag }) });
    context.terminal.out(
      values.json ? `${JSON.stringify(jsonOf(image))}\n` : `${image.digest} ${bytesText(image.bytes)} in ${String(image.blobs)} blobs\n`,
    );
    return 0;
  } catch (error) {
    return failed(context, error);
  }
}

/** What programs read: stable names, bytes as plain numbers. */
function jsonOf({ digest, manifest, mediaType, blobs, bytes }: PulledImage): object {
  return { digest, manifest, mediaType, blobs, bytes };
}

function imageIn(positionals: readonly string[]): Reference {
  const [image, ...more] = positionals;
  if (image === undefined || more.length > 0) throw new UsageError("exactly one IMAGE is needed");
  const reference = parseReference(image);
  if (reference === undefined)
    throw new UsageError(`"${image}" is no image reference: it is [registry/]name[:tag][@digest], in lower case`);
  const pinned = reference.digest === undefined ? undefined : parseDigest(reference.digest);
  if (pinned?.ok === true && !pinned.known)
    throw new UsageError(`${pinned.algorithm} digests cannot be checked: pin the image by sha256 or sha512`);
  return reference;
}

function platformIn(text: string): string {
  if (!/^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/.test(text))
    throw new UsageError(`--platform takes OS/ARCH or OS/ARCH/VARIANT, not "${text}"`);
  return text;
}

function layoutDir(output: string): string {
  if (!output.startsWith("oci:") || output === "oci:") throw new UsageError(`-o takes oci:DIR, not "${output}"`);
  return output.slice("oci:".length);
}
