import { openDaemon } from "@darner/daemon";
import { openLog, runProcess, startWatchdog } from "@darner/runtime";
import type { CommandContext, ExitCode } from "../command.ts";
import { exitCode } from "./exit-code.ts";
import { readConfig } from "./read-config.ts";

/** The life of a daemon process. */
export async function runDaemon(context: CommandContext): Promise<ExitCode> {
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
}
