import { DEFAULT_ADMIN } from "../admin-client.ts";
import type { Command } from "../command.ts";
import { MIRROR_FLAG } from "./mirror-flag.ts";

/** `darner explain`: how a blob, or every blob of an image, came to this host. */
export const explainCommand: Command = {
  name: "explain",
  summary: "Show which piece of a blob came from where, when, and why the source was read.",
  usage: "explain DIGEST|IMAGE [--platform OS/ARCH] [--admin HOST:PORT] [--mirror HOST:PORT] [--api URL] [--token-file FILE] [--json]",
  about:
    "Asks this host's daemon, which keeps an account of each blob that is on its way and of the last 256 that came: who gave which pieces and when, each read of the source and its reason, what readers waited for, and how long the proof took. With --api it also asks the scheduler what the swarm holds now and who feeds whom. Of an image its manifest, configuration and layers are explained.",
  flags: [
    { flag: "--platform OS/ARCH", help: "Which image of an index, OS/ARCH or OS/ARCH/VARIANT (default: this machine's)." },
    { flag: "--admin HOST:PORT", help: `The local API of this host's daemon (default: DARNER_LISTEN_ADMIN, else ${DEFAULT_ADMIN}).` },
    MIRROR_FLAG,
    { flag: "--api URL", help: "The HTTP side of a scheduler, to be asked as well (default: DARNER_API, else none)." },
    { flag: "--token-file FILE", help: "The scheduler's API token (default: api.tokenFile, else that of a scheduler on this machine)." },
    { flag: "--json", help: "As JSON: blobs, each with kind, digest, explanation and, from the scheduler, swarm; times are milliseconds." },
  ],
  takesConfig: false,
  async run(context) {
    const { runExplain } = await import("../explain/run-explain.ts");
    return runExplain(context);
  },
};
