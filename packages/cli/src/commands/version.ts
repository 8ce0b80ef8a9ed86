import { VERSION } from "@darner/runtime";
import { readArguments } from "../arguments.ts";
import type { Command } from "../command.ts";

/** `darner version`. */
export const versionCommand: Command = {
  name: "version",
  summary: "Print the version.",
  usage: "version [--json]",
  flags: [{ flag: "--json", help: "As JSON, with the version of Node." }],
  takesConfig: false,
  run({ argv, terminal }) {
    const { values } = readArguments(argv, { json: { type: "boolean", default: false } });
    terminal.out(values.json ? `${JSON.stringify({ version: VERSION, node: process.versions.node })}\n` : `darner ${VERSION}\n`);
    return Promise.resolve(0);
  },
};
