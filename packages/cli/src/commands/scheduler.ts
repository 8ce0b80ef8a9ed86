import { openLog, runProcess, startWatchdog } from "@darner/runtime";
import { openScheduler } from "@darner/scheduler";
import type { Command } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { readConfig } from "../read-config.ts";

/** `darner scheduler`: decides who feeds whom. */
export const schedulerCommand: Command = {
  name: "scheduler",
  summary: "Run the scheduler that decides who feeds whom.",
  usage: "scheduler [--config FILE] [--KEY VALUE …]",
  flags: [{ flag: "--config FILE", help: "The configuration, a YAML file; every key can also be a flag or a DARNER_… variable." }],
  takesConfig: true,
  async run(context) {
    const config = readConfig(context);
    const log = openLog({ level: config.log.level, name: "darner-scheduler" });
    await runProcess(
      async ({ resources }) => {
        resources.use(startWatchdog({ seconds: config.watchdog.seconds, log }));
        resources.use(await openScheduler(config, { log }));
      },
      { log },
    );
    return exitCode();
  },
};
