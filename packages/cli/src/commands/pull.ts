import type { Command } from "../command.ts";
import { MIRROR_FLAG } from "./mirror-flag.ts";

/** `darner pull`: an image through the local daemon, to an OCI layout directory. */
export const pullCommand: Command = {
  name: "pull",
  summary: "Pull an image through this host's daemon, checked, to an OCI layout directory.",
  usage: "pull IMAGE [-o oci:DIR] [--platform OS/ARCH | --all-platforms] [--mirror HOST:PORT] [--json]",
  about:
    "Every digest is checked by the command itself. Prints the digest the image's name stands for, and its size. A directory that is already a layout keeps its other images; blobs it holds are checked and not fetched again.",
  flags: [
    { flag: "-o, --output oci:DIR", help: "Where to write the image; without it the daemon holds it and nothing is written here." },
    { flag: "--platform OS/ARCH", help: "Which image of an index, OS/ARCH or OS/ARCH/VARIANT (default: this machine's)." },
    { flag: "--all-platforms", help: "The index with every image in it." },
    MIRROR_FLAG,
    { flag: "--json", help: "The result as JSON: digest, manifest, mediaType, blobs, bytes." },
  ],
  takesConfig: false,
  async run(context) {
    const { runPull } = await import("../image/run-pull.ts");
    return runPull(context);
  },
};
