import type { Command } from "../command.ts";

/** `darner scheduler`: decides who feeds whom. */
export const schedulerCommand: Command = {
  name: "scheduler",
  summary: "Run the scheduler that decides who feeds whom.",
  usage: "scheduler [--config FILE] [--journal FILE] [--KEY VALUE …]",
  about:
    'Runs until it is asked to end (SIGTERM, Ctrl-C), writing a log of JSON lines to standard error; the line "scheduler ready" tells its addresses.',
  flags: [
    { flag: "--config FILE", help: "The configuration, a YAML file; every key can also be a flag or a DARNER_… variable." },
    { flag: "--journal FILE", help: "Write down what the daemons say, for darner replay; the same as --journal.file." },
  ],
  takesConfig: true,
  async run(context) {
    const { runScheduler } = await import("../processes/run-scheduler.ts");
    return runScheduler(context);
  },
};
