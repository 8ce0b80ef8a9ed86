import { DEFAULT_ADMIN } from "../admin-client.ts";
import type { Command } from "../command.ts";
import { NODE_FLAGS } from "../commands/node/configure.ts";

/** `darner doctor`: what is wrong on this node, and what to do about it. */
export const doctorCommand: Command = {
  name: "doctor",
  summary: "Look for what is wrong on this node, and say what to do about it.",
  usage: "doctor [--json] [--no-node] [--config FILE] [--admin HOST:PORT] [--mirror HOST:PORT]",
  about:
    "Reads the configuration and when the certificates end that it names, asks the daemon and its mirror, tries its schedulers, compares clocks with the one it follows and sees whether packets of full size come there and back, looks at containerd's directory for the mirror, for files that are broken and for mirrors that other systems left, has containerd make a probe pull where its socket is, and looks at the disk. Each finding has the next step. Exit code 1 where something does not work; what only could be better is told, and the code is 0.",
  flags: [
    { flag: "--json", help: "As JSON: ok, and items with id, severity (ok, warning, error), finding and fix." },
    { flag: "--no-node", help: "Only the daemon: this machine's runtime is none of its business." },
    { flag: "--config FILE", help: "The configuration to look at (default: /etc/darner/darner.yaml, where that is there)." },
    { flag: "--admin HOST:PORT", help: `The local API of this host's daemon (default: DARNER_LISTEN_ADMIN, else ${DEFAULT_ADMIN}).` },
    ...NODE_FLAGS,
  ],
  takesConfig: false,
  async run(context) {
    const { runDoctor } = await import("./run-doctor.ts");
    return runDoctor(context);
  },
};
