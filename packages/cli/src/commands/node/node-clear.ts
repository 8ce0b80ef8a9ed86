import type { Command } from "../../command.ts";

/** `darner node-clear`: takes away what a daemon kept on a node. */
export const nodeClearCommand: Command = {
  name: "node-clear",
  summary: "Remove what a daemon kept on a node, once it is gone.",
  usage: "node-clear [--gone URL] [--root DIR] DIR…",
  about:
    "Waits until the daemon does not answer any more, a minute and a half at most, then removes the directories, and those above them that are empty then. What is not there is no problem; what cannot be removed is told of.",
  flags: [
    { flag: "--gone URL", help: "Where the daemon says that it lives (default: http://127.0.0.1:4105/livez)." },
    { flag: "--root DIR", help: "Where the node's file system is seen from here (default: /); nothing at or above its mounts is removed." },
  ],
  takesConfig: false,
  async run(context) {
    const { runNodeClear } = await import("../../node/run-node-clear.ts");
    return runNodeClear(context);
  },
};
