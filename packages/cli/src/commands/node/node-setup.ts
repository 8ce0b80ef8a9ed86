import { DEFAULT_ADMIN } from "../../admin-client.ts";
import type { Command } from "../../command.ts";
import { NODE_FLAGS } from "./configure.ts";
import { CLUSTER_FLAGS } from "./node-init.ts";

/** `darner node-setup`: `configure` as a lease that lasts as long as the daemon serves. */
export const nodeSetupCommand: Command = {
  name: "node-setup",
  summary: "Keep a runtime told of the mirror for as long as the daemon serves, and put everything back then.",
  usage: "node-setup [--runtime containerd|crio|docker|podman] [--ready URL] [--mirror HOST:PORT] [--exclude LIST] [--config-dir DIR]",
  about:
    "Waits until the daemon is ready, sets the runtime up as `darner configure` does, sets it up again where somebody took it away, proves with a probe pull that the runtime asks the mirror, and puts everything back when the daemon is gone or this process is asked to end. Runs beside the daemon, with no port of its own.",
  flags: [
    { flag: "--runtime NAME", help: "Which runtime to set up (default: containerd)." },
    { flag: "--ready URL", help: "Where the daemon says that it is ready (default: http://127.0.0.1:4105/readyz)." },
    {
      flag: "--admin HOST:PORT",
      help: `The daemon's local API, which tells of the probe and of this process (default: DARNER_LISTEN_ADMIN, else ${DEFAULT_ADMIN}).`,
    },
    { flag: "--no-probe", help: "Do not prove with a probe pull over the runtime's CRI socket that it asks the mirror (containerd only)." },
    ...NODE_FLAGS,
    {
      flag: "--remove-taint KEY",
      help: "Take this taint from the node (--node) once pods' images can come through the mirror, or it is known that they cannot.",
    },
    { flag: "--events", help: "Tell the cluster of trouble with this node (--node) as an event of it, and of its end." },
    ...CLUSTER_FLAGS,
  ],
  takesConfig: false,
  async run(context) {
    const { runNodeSetup } = await import("../../node/run-node-setup.ts");
    return runNodeSetup(context);
  },
};
