import type { Command } from "./command.ts";
import { configureCommand } from "./commands/node/configure.ts";
import { daemonCommand } from "./commands/daemon.ts";
import { doctorCommand } from "./doctor/doctor-command.ts";
import { explainCommand } from "./commands/explain.ts";
import { getCommand } from "./commands/get.ts";
import { harborCommand } from "./commands/harbor.ts";
import { hostsCommand } from "./commands/hosts.ts";
import { jobsCommand } from "./commands/jobs.ts";
import { nodeClearCommand } from "./commands/node/node-clear.ts";
import { nodeInitCommand } from "./commands/node/node-init.ts";
import { nodeSetupCommand } from "./commands/node/node-setup.ts";
import { prePullCommand } from "./commands/node/pre-pull.ts";
import { preheatCommand } from "./commands/preheat.ts";
import { pullCommand } from "./commands/pull.ts";
import { replayCommand } from "./commands/replay.ts";
import { schedulerCommand } from "./commands/scheduler.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { statusCommand } from "./commands/status.ts";
import { tokenCommand } from "./commands/token.ts";
import { upCommand } from "./commands/up.ts";
import { versionCommand } from "./commands/version.ts";

/** Every command, in the order they are listed. */
export const COMMANDS: readonly Command[] = [
  upCommand,
  daemonCommand,
  schedulerCommand,
  pullCommand,
  getCommand,
  preheatCommand,
  jobsCommand,
  statusCommand,
  doctorCommand,
  simulateCommand,
  configureCommand,
  nodeSetupCommand,
  nodeInitCommand,
  nodeClearCommand,
  prePullCommand,
  explainCommand,
  replayCommand,
  tokenCommand,
  hostsCommand,
  harborCommand,
  versionCommand,
];
