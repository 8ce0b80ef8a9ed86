import type { DaemonStatus } from "@darner/daemon";
import { askAdmin, DEFAULT_ADMIN } from "../admin-client.ts";
import { addressIn, readFlags } from "../arguments.ts";
import type { CommandContext, ExitCode } from "../command.ts";
import { DEFAULT_MIRROR } from "../commands/mirror-flag.ts";
import { NODE_OPTIONS } from "../node/node-flags.ts";
import { daemonChecks, mirrorCheck } from "./daemon-checks.ts";
import { amiss, findingsText, type Finding } from "./finding.ts";
import { nodeChecks } from "./node-checks.ts";

/** Runs `darner doctor`. */
export async function runDoctor({ argv, env, terminal, signal }: CommandContext): Promise<ExitCode> {
  const values = readFlags(argv, {
    ...NODE_OPTIONS,
    json: { type: "boolean", default: false },
    admin: { type: "string", default: env["DARNER_LISTEN_ADMIN"] ?? DEFAULT_ADMIN },
    "no-node": { type: "boolean", default: false },
  });
  const admin = addressIn(values.admin, "--admin");
  const mirror = addressIn(values.mirror ?? env["DARNER_LISTEN_MIRROR"] ?? DEFAULT_MIRROR, "--mirror");
  const answer = await askAdmin(admin, "/api/v1/status", signal);
  const findings: Finding[] = [
    ...(answer.ok ? await daemonChecks(answer.body as DaemonStatus) : [unanswered(answer.problem)]),
    await mirrorCheck(mirror),
    ...(values["no-node"] ? [] : await nodeChecks({ values, env, admin, signal })),
  ];
  const failed = findings.some(({ severity }) => severity === "error");
  terminal.out(values.json ? `${JSON.stringify({ ok: !failed, items: findings })}\n` : findingsText(findings));
  return failed ? 1 : 0;
}

function unanswered(problem: string): Finding {
  return amiss(
    "daemon.answers",
    "error",
    problem,
    "start it (darner daemon, or systemctl start darner-daemon); its log says why it does not stay",
  );
}
