import type { Command } from "../command.ts";
import { MIRROR_FLAG } from "./mirror-flag.ts";

/** `darner get`: one blob through the local daemon, to a file. */
export const getCommand: Command = {
  name: "get",
  summary: "Get one blob through this host's daemon, checked, to a file.",
  usage: "get REPOSITORY@DIGEST -o FILE [--mirror HOST:PORT] [--json]",
  about:
    "The file appears, or is replaced, only when its digest is right; until then the bytes are in FILE.partial. Prints the digest, the size and the file.",
  flags: [
    { flag: "-o, --output FILE", help: "The file to write." },
    MIRROR_FLAG,
    { flag: "--json", help: "The result as JSON: digest, bytes, file." },
  ],
  takesConfig: false,
  async run(context) {
    const { runGet } = await import("../image/run-get.ts");
    return runGet(context);
  },
};
