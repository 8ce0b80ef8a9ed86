import type { Command } from "./command.ts";

const HEAD = `# The command line

Generated from the commands in \`packages/cli/src/commands\` by \`scripts/generate-cli-docs.ts\`: change it there.

In a checkout every command runs as \`npm run darner -- COMMAND\`; \`npm start\` is \`darner up\`.

Results go to standard output, everything else (progress, problems, logs) to standard error. A progress bar is drawn only where
standard error is a terminal. Exit codes: 0 done, 1 failed, 2 wrong usage (a wrong command line, a wrong configuration, or a process
that could not start).
`;

/** The reference page `docs/cli.md`. */
export function commandReference(commands: readonly Command[]): string {
  return `${HEAD}\n${commands.map(section).join("\n")}`;
}

function section({ name, summary, usage, about, flags, takesConfig }: Command): string {
  const rows = flags.map(({ flag, help }) => `- \`${flag}\`: ${help}`);
  if (takesConfig)
    rows.push("- `--KEY VALUE`: any key of the configuration ([config.md](config.md)), as in `--listen.mirror 127.0.0.1:0`.");
  return `## \`darner ${name}\`\n\n${summary}\n\n\`\`\`\ndarner ${usage}\n\`\`\`\n\n${about}\n\n${rows.join("\n")}\n`;
}
