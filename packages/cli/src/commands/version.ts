import { readFileSync } from "node:fs";
import { readFlags } from "../arguments.ts";
import type { Command } from "../command.ts";

/** `darner version`. */
export const versionCommand: Command = {
  name: "version",
  summary: "Print the version.",
  usage: "version [--json]",
  about: "`darner --version` is the same.",
  flags: [{ flag: "--json", help: "As JSON, with the version of Node: version, node." }],
  takesConfig: false,
  run({ argv, terminal }) {
    const { json } = readFlags(argv, { json: { type: "boolean", default: false } });
    const version = ownVersion();
    terminal.out(json ? `${JSON.stringify({ version, node: process.versions.node })}\n` : `darner ${version}\n`);
    return Promise.resolve(0);
  },
};

/** The version as package.json has it: the runtime's constant is the same, but comes with a quarter of a second of imports. */
function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  return version;
}
