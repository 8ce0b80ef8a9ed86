import { openDaemon } from "@darner/daemon";
import { openLog, runProcess, startWatchdog } from "@darner/runtime";
import type { Command } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { readConfig } from "../read-config.ts";

/** `darner daemon`: one node's mirror, store and peers. */
export const daemonCommand: Command = {
  name: "daemon",
  summary: "Run the daemon of a node: registry mirror, store and piece channel.",
  usage: "daemon [--config FILE] [--KEY VALUE …]",
  flags: [{ flag: "--config FILE", help: "The configuration, a YAML file; every key can also be a flag or a DARNER_… variable." }],
  takesConfig: true,
  async run(context) {
    const config = readConfig(context);
    const log = openLog({ level: config.log.level, name: "darner-daemon" });
    await runProcess(
      async ({ resources }) => {
        resources.use(startWatchdog({ seconds: config.watchdog.seconds, log }));
        resources.use(await openDaemon(config, { log }));
      },
      { log },
    );
    return exitCode();
  },
};
