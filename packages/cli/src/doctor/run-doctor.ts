import { existsSync } from "node:fs";
import type { DaemonStatus } from "@darner/daemon";
import { formatProblems, loadConfig } from "@darner/runtime";
import { askAdmin, DEFAULT_ADMIN } from "../admin-client.ts";
import { addressIn, readFlags } from "../arguments.ts";
import type { CommandContext, ExitCode } from "../command.ts";
import { DEFAULT_MIRROR } from "../commands/mirror-flag.ts";
import { NODE_OPTIONS } from "../node/node-flags.ts";
import { certificateChecks } from "./certificate-checks.ts";
import { daemonChecks, mirrorCheck } from "./daemon-checks.ts";
import { amiss, findingsText, well, type Finding } from "./finding.ts";
import { nodeChecks } from "./node-checks.ts";

// Where the package and the chart put it.
const CONFIG_FILE = "/etc/darner/darner.yaml";

/** Runs `darner doctor`. */
export async function runDoctor({ argv, env, terminal, signal }: CommandContext): Promise<ExitCode> {
  const values = readFlags(argv, {
    ...NODE_OPTIONS,
    json: { type: "boolean", default: false },
    admin: { type: "string", default: env["DARNER_LISTEN_ADMIN"] ?? DEFAULT_ADMIN },
    "no-node": { type: "boolean", default: false },
    config: { type: "string" },
  });
  const admin = addressIn(values.admin, "--admin");
  const mirror = addressIn(values.mirror ?? env["DARNER_LISTEN_MIRROR"] ?? DEFAULT_MIRROR, "--mirror");
  const answer = await askAdmin(admin, "/api/v1/status", signal);
  const findings: Finding[] = [
    ...(await configChecks(values.config, env)),
    ...(answer.ok ? await daemonChecks(answer.body as DaemonStatus) : [unanswered(answer.problem)]),
    await mirrorCheck(mirror),
    ...(values["no-node"] ? [] : await nodeChecks({ values, env, admin, signal })),
  ];
  const failed = findings.some(({ severity }) => severity === "error");
  terminal.out(values.json ? `${JSON.stringify({ ok: !failed, items: findings })}\n` : findingsText(findings));
  return failed ? 1 : 0;
}

/** The configuration as a process would read it, and the files that it names. */
async function configChecks(named: string | undefined, env: CommandContext["env"]): Promise<Finding[]> {
  const file = named ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined);
  if (file === undefined) return [well("config.valid", `not looked at: there is no ${CONFIG_FILE}, and --config names none`)];
  const loaded = loadConfig({ file, env, flags: {} });
  if (loaded.ok) return [well("config.valid", file), ...(await certificateChecks(loaded.config))];
  const fix = "mend it: docs/config.md has every key; the processes do not start with it";
  return loaded.problems.map((problem) => amiss("config.valid", "error", formatProblems([problem]), fix));
}

function unanswered(problem: string): Finding {
  return amiss(
    "daemon.answers",
    "error",
    problem,
    "start it (darner daemon, or systemctl start darner-daemon); its log says why it does not stay",
  );
}
