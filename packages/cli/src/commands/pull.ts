import { parseDigest, parseReference, type Reference } from "@darner/domain";
import { readArguments } from "../arguments.ts";
import { UsageError, type Command } from "../command.ts";
import { hostPlatform } from "../image.ts";
import { DEFAULT_MIRROR, failed } from "../mirror-command.ts";
import { MirrorClient } from "../mirror-client.ts";
import { OciLayout } from "../oci-layout.ts";
import { pullImage } from "../pull-image.ts";
import { bytesText } from "../text.ts";

/** `darner pull`: an image through the local daemon, to an OCI layout directory. */
export const pullCommand: Command = {
  name: "pull",
  summary: "Pull an image through this host's daemon, checked, to an OCI layout directory.",
  usage: "pull IMAGE [-o oci:DIR] [--platform OS/ARCH | --all-platforms] [--mirror HOST:PORT] [--json]",
  flags: [
    { flag: "-o, --output oci:DIR", help: "Where to write the image; without it the daemon holds it and nothing is written here." },
    { flag: "--platform OS/ARCH", help: "Which image of an index (default: this machine's)." },
    { flag: "--all-platforms", help: "Every image of an index." },
    { flag: "--mirror HOST:PORT", help: `The daemon's mirror (default ${DEFAULT_MIRROR}, or DARNER_LISTEN_MIRROR).` },
    { flag: "--json", help: "The result as JSON." },
  ],
  takesConfig: false,
  async run({ argv, env, terminal }) {
    const { values, positionals } = readArguments(argv, {
      output: { type: "string", short: "o" },
      platform: { type: "string", default: hostPlatform() },
      "all-platforms": { type: "boolean", default: false },
      mirror: { type: "string", default: env["DARNER_LISTEN_MIRROR"] ?? DEFAULT_MIRROR },
      json: { type: "boolean", default: false },
    });
    const reference = imageIn(positionals);
    const layout = values.output === undefined ? undefined : new OciLayout(layoutDir(values.output));
    const client = new MirrorClient(values.mirror);
    try {
      const image = await pullImage({ reference, client, layout, platform: values.platform, allPlatforms: values["all-platforms"], terminal });
      const { digest, mediaType, size } = image;
      await layout?.finish({ digest, mediaType, size, ...(reference.tag === undefined ? {} : { name: reference.tag }) });
      terminal.out(values.json ? `${JSON.stringify(image)}\n` : `${digest} ${bytesText(image.bytes)} in ${String(image.blobs)} blobs\n`);
      return 0;
    } catch (error) {
      return failed(terminal, error);
    }
  },
};

function imageIn(positionals: readonly string[]): Reference {
  const [image, ...more] = positionals;
  if (image === undefined || more.length > 0) throw new UsageError("exactly one IMAGE is needed");
  const reference = parseReference(image);
  const digestIsRight = reference?.digest === undefined || parseDigest(reference.digest).ok;
  if (reference === undefined || !digestIsRight) throw new UsageError(`"${image}" is no image reference: it is [registry/]name[:tag][@digest], in lower case`);
  return reference;
}

function layoutDir(output: string): string {
  if (!output.startsWith("oci:") || output === "oci:") throw new UsageError(`-o takes oci:DIR, not "${output}"`);
  return output.slice("oci:".length);
}
