import type { Command } from "../command.ts";

/** `darner token`: who may join the cluster. */
export const tokenCommand: Command = {
  name: "token",
  summary: "Create, list or revoke the tokens with which hosts join the cluster.",
  usage: "token create [--ttl TIME] [--description TEXT] | list [--json] | revoke ID  [--config FILE] [--KEY VALUE …]",
  about:
    "Works on the scheduler's own files (dataDir, join.tokensFile), so it runs where a scheduler runs, as the same user; a running scheduler sees the change at once. `create` prints the token, once: only a hash of it is kept. A revoked token lets nobody join any more; hosts that joined with it stay members (darner hosts remove).",
  flags: [
    { flag: "--ttl TIME", help: "How long hosts may join with it, as in 30m, 12h or 7d (default: until it is revoked)." },
    { flag: "--description TEXT", help: "What it is for, shown by `list`." },
    { flag: "--json", help: "The list as JSON: fingerprint, tokens (id, description, createdAt, expiresAt)." },
    { flag: "--config FILE", help: "The scheduler's configuration, a YAML file." },
  ],
  takesConfig: true,
  async run(context) {
    const { runToken } = await import("../cluster/run-token.ts");
    return runToken(context);
  },
};
