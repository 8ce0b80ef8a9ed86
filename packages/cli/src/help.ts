import type { Command } from "./command.ts";
import { wrapped } from "./text.ts";

const NAME_COLUMNS = 12;
const FLAG_COLUMNS = 24;

/** What `darner help` says. */
export function overview(commands: readonly Command[]): string {
  const lines = commands.map(({ name, summary }) => entry(name, summary, NAME_COLUMNS));
  return [
    "Darner distributes container images inside a cluster, peer to peer.",
    "",
    "Usage: darner COMMAND",
    "",
    ...lines,
    "",
    "darner help COMMAND tells more. Exit codes: 0 done, 1 failed, 2 wrong usage.",
    "",
  ].join("\n");
}

/** What `darner help COMMAND` says. */
export async function helpOf({ summary, usage, about, flags, takesConfig }: Command): Promise<string> {
  const lines = [
    summary,
    "",
    `Usage: darner ${usage}`,
    "",
    ...wrapped(about),
    "",
    ...flags.map(({ flag, help }) => entry(flag, help, FLAG_COLUMNS)),
    "",
  ];
  if (!takesConfig) return lines.join("\n");
  const { configHelp } = await import("@darner/runtime");
  return [...lines, "Keys of the configuration:", configHelp(), ""].join("\n");
}

/** A name and what it does in two columns; a long name has a line of its own. */
function entry(name: string, text: string, columns: number): string {
  const indent = " ".repeat(columns + 2);
  const body = wrapped(text, indent).join("\n");
  return name.length < columns ? `  ${name}${body.slice(name.length + 2)}` : `  ${name}\n${body}`;
}
