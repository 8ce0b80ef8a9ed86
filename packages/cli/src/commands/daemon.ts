import type { Command } from "../command.ts";

/** `darner daemon`: one node's mirror, store and peers. */
export const daemonCommand: Command = {
  name: "daemon",
  summary: "Run the daemon of a node: registry mirror, store and piece channel.",
  usage: "daemon [--config FILE] [--KEY VALUE …]",
  about:
    'Runs until it is asked to end (SIGTERM, Ctrl-C), writing a log of JSON lines to standard error; the line "daemon ready" tells every address.',
  flags: [{ flag: "--config FILE", help: "The configuration, a YAML file; every key can also be a flag or a DARNER_… variable." }],
  takesConfig: true,
  async run(context) {
    const { runDaemon } = await import("../processes/run-daemon.ts");
    return runDaemon(context);
  },
};
