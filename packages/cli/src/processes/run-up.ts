import { join } from "node:path";
import { openDaemon } from "@darner/daemon";
import { openLog, runProcess, startWatchdog, upDefaults, type Config } from "@darner/runtime";
import { openScheduler } from "@darner/scheduler";
import type { CommandContext, ExitCode, Terminal } from "../command.ts";
import { exitCode } from "./exit-code.ts";
import { readConfig } from "./read-config.ts";

/** The life of a process that is scheduler and daemon at once. */
export async function runUp(context: CommandContext): Promise<ExitCode> {
  const config = readConfig(context, upDefaults());
  const log = openLog({ level: config.log.level, name: "darner" });
  await runProcess(
    async ({ resources }) => {
      const { beat: onWork } = resources.use(startWatchdog({ seconds: config.watchdog.seconds, log }));
      const scheduler = resources.use(await openScheduler(config, { log, onWork }));
      const daemon = resources.use(await openDaemon(daemonConfig(config, scheduler.grpc), { log }));
      sayReady(context.terminal, daemon.addresses.mirror, config.dataDir);
    },
    { log },
  );
  return exitCode();
}

/** The daemon's part: its own folder, and the scheduler at the address it really got. */
function daemonConfig(config: Config, grpc: string): Config {
  const schedulers = config.schedulers.length === 0 ? [grpc] : config.schedulers;
  return { ...config, dataDir: join(config.dataDir, "daemon"), schedulers };
}

function sayReady(terminal: Terminal, mirror: string, dataDir: string): void {
  terminal.out(`Darner is ready: registry mirror at http://${mirror}, data in ${dataDir}, no token asked for (loopback only).\n`);
  terminal.out(
    `Try it: curl -sH 'Accept: application/vnd.oci.image.index.v1+json' 'http://${mirror}/v2/library/alpine/manifests/latest?ns=docker.io'\n`,
  );
}
