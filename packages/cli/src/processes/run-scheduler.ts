import { openLog, runProcess, startWatchdog } from "@darner/runtime";
import { openScheduler } from "@darner/scheduler";
import type { CommandContext, ExitCode } from "../command.ts";
import { exitCode } from "./exit-code.ts";
import { readConfig } from "./read-config.ts";

/** The life of a scheduler process. */
export async function runScheduler(context: CommandContext): Promise<ExitCode> {
  const argv = context.argv.map((word) => word.replace(/^--journal(?==|$)/, "--journal.file"));
  const config = readConfig({ ...context, argv });
  const log = openLog({ level: config.log.level, name: "darner-scheduler" });
  await runProcess(
    async ({ resources }) => {
      const { beat: onWork } = resources.use(startWatchdog({ seconds: config.watchdog.seconds, log }));
      resources.use(await openScheduler(config, { log, onWork }));
    },
    { log },
  );
  return exitCode();
}
