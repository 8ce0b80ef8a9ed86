import type { Command } from "../command.ts";

/** `darner up`: scheduler and daemon in one process on loopback. */
export const upCommand: Command = {
  name: "up",
  summary: "Run scheduler, daemon and mirror in one process on loopback, without a config file.",
  usage: "up [--config FILE] [--KEY VALUE …]",
  about:
    "The way to try Darner on one machine. Prints where the mirror is and a line to try it with once it is ready; runs until it is asked to end (SIGTERM, Ctrl-C), writing a log of JSON lines to standard error.",
  flags: [
    {
      flag: "--config FILE",
      help: "A YAML file whose keys override the defaults of `up`; every key can also be a flag or a DARNER_… variable.",
    },
  ],
  takesConfig: true,
  async run(context) {
    const { runUp } = await import("../processes/run-up.ts");
    return runUp(context);
  },
};
