import { COMMANDS } from "./commands.ts";
import { UsageError, type Command, type CommandContext, type ExitCode, type Terminal, type UnknownWord } from "./command.ts";
import { helpOf, overview } from "./help.ts";

/** Runs one command line; the exit code is 0 done, 1 failed, 2 wrong usage. Rejects only with errors that nobody expected. */
export async function runCommandLine(argv: readonly string[], world: Omit<CommandContext, "argv">): Promise<ExitCode> {
  const { terminal } = world;
  const [first, ...rest] = argv;
  const name = first === "--version" ? "version" : first;
  try {
    if (name === undefined || name === "help" || name === "--help" || name === "-h") return await help(rest[0], terminal);
    const command = commandNamed(name);
    if (rest.includes("--help") || rest.includes("-h")) return await help(name, terminal);
    return await command.run({ ...world, argv: rest });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.err(
      await explained(
        error,
        COMMANDS.find((command) => command.name === name),
      ),
    );
    return 2;
  }
}

function commandNamed(name: string): Command {
  const known = COMMANDS.map((command) => command.name);
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw new UsageError(`there is no command "${name}"`, { unknown: { word: name, known } });
  return command;
}

async function help(name: string | undefined, terminal: Terminal): Promise<ExitCode> {
  terminal.out(name === undefined ? overview(COMMANDS) : await helpOf(commandNamed(name)));
  return 0;
}

/** What was wrong, what was probably meant, and how it is done. */
async function explained({ message, unknown }: UsageError, command: Command | undefined): Promise<string> {
  const meant = unknown === undefined ? undefined : await probablyMeant(unknown);
  const what = `darner${command === undefined ? "" : ` ${command.name}`}: ${message}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
  const how =
    command === undefined ? "darner help lists the commands." : `Usage: darner ${command.usage}\ndarner help ${command.name} tells more.`;
  return `${what}\n${how}\n`;
}

async function probablyMeant({ word, known }: UnknownWord): Promise<string | undefined> {
  const { nearMiss } = await import("@darner/runtime");
  return nearMiss(word, known);
}
