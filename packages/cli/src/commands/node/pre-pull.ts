import type { Command } from "../../command.ts";
import { CLUSTER_FLAGS } from "./node-init.ts";

/** `darner pre-pull`: holds an image on a node, or waits until it is on all of them. */
export const prePullCommand: Command = {
  name: "pre-pull",
  summary: "Hold this image on a node, or wait until a DaemonSet has it on every node.",
  usage: "pre-pull [--wait-for NAMESPACE/DAEMONSET] [--timeout SECONDS]",
  about:
    "Without --wait-for it does nothing until it is asked to end: a pod that runs it has pulled the image. With it, waits until that DaemonSet's pods are ready on all nodes. A node that is late is told of and does not stop anybody: the exit code is 0 when the time is over, too.",
  flags: [
    { flag: "--wait-for NAMESPACE/DAEMONSET", help: "The DaemonSet to wait for." },
    { flag: "--timeout SECONDS", help: "How long at most (default: 300)." },
    ...CLUSTER_FLAGS.filter(({ flag }) => flag.startsWith("--api")),
  ],
  takesConfig: false,
  async run(context) {
    const { runPrePull } = await import("../../node/run-pre-pull.ts");
    return runPrePull(context);
  },
};
