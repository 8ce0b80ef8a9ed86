/** Where a command's words go: results on `out`, everything else on `err`. */
export type Terminal = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `err` is a terminal that can redraw a line. */
  readonly live: boolean;
};

/** What a command is given. */
export type CommandContext = {
  /** The words after the command's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
};

/** How a command ended: done, failed, or used wrongly. */
export type ExitCode = 0 | 1 | 2;

/** One flag of a command, for its help and for docs/cli.md. */
export type FlagHelp = { readonly flag: string; readonly help: string };

/** One command of `darner`. */
export type Command = {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** How it is called, without `darner`. */
  readonly usage: string;
  readonly flags: readonly FlagHelp[];
  /** Whether the keys of the configuration are flags of this command, too. */
  readonly takesConfig: boolean;
  run(context: CommandContext): Promise<ExitCode>;
};

/** The command line is wrong: exit code 2, with what is wrong. */
export class UsageError extends Error {}
