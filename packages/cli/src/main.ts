import { configHelp } from "@darner/runtime";
import { COMMANDS } from "./commands.ts";
import { UsageError, type Command, type ExitCode, type Terminal } from "./command.ts";

const terminal: Terminal = {
  out: (text) => {
    process.stdout.write(text);
  },
  err: (text) => {
    process.stderr.write(text);
  },
  live: process.stderr.isTTY && process.env["TERM"] !== "dumb",
};

/** Runs one command line; the exit code is 0 done, 1 failed, 2 wrong usage. */
async function main(argv: readonly string[]): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") return help(rest[0]);
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) {
    terminal.err(`darner: there is no command "${name}"; darner help lists them\n`);
    return 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) return help(name);
  try {
    return await command.run({ argv: rest, env: process.env, terminal });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.err(`darner ${name}: ${error.message}\nUsage: darner ${command.usage}\n`);
    return 2;
  }
}

function help(name: string | undefined): ExitCode {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  terminal.out(command === undefined ? overview() : helpOf(command));
  return 0;
}

function overview(): string {
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return `Darner distributes container images inside a cluster, peer to peer.\n\nUsage: darner COMMAND\n\n${lines.join("\n")}\n\ndarner help COMMAND tells more. Exit codes: 0 done, 1 failed, 2 wrong usage.\n`;
}

function helpOf(command: Command): string {
  const flags = command.flags.map(({ flag, help: text }) => `  ${flag.padEnd(28)}${text}`);
  const config = command.takesConfig ? `\nKeys of the configuration:\n${configHelp()}\n` : "";
  return `${command.summary}\n\nUsage: darner ${command.usage}\n\n${flags.join("\n")}\n${config}`;
}

process.exitCode = await main(process.argv.slice(2));
