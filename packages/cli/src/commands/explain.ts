import { DEFAULT_ADMIN } from "../admin-client.ts";
import type { Command } from "../command.ts";
import { MIRROR_FLAG } from "./mirror-flag.ts";

/** `darner explain`: how a blob, or every blob of an image, came to this host. */
export const explainCommand: Command = {
  name: "explain",
  summary: "Show which piece of a blob came from where, when, and why the source was read.",
  usage: "explain DIGEST|IMAGE [--platform OS/ARCH] [--admin HOST:PORT] [--mirror HOST:PORT] [--json]",
  about:
    "Asks this host's daemon, which keeps an account of each blob that is on its way and of the last 256 that came: who gave which pieces and when, each read of the source and its reason, what readers waited for, and how long the proof took. Of an image its manifest, configuration and layers are explained.",
  flags: [
    { flag: "--platform OS/ARCH", help: "Which image of an index, OS/ARCH or OS/ARCH/VARIANT (default: this machine's)." },
    { flag: "--admin HOST:PORT", help: `The local API of this host's daemon (default: DARNER_LISTEN_ADMIN, else ${DEFAULT_ADMIN}).` },
    MIRROR_FLAG,
    { flag: "--json", help: "As JSON: blobs, each with kind, digest and explanation; times are milliseconds." },
  ],
  takesConfig: false,
  async run(context) {
    const { runExplain } = await import("../explain/run-explain.ts");
    return runExplain(context);
  },
};
