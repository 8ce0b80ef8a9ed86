/** Where a command's words go: results on `out`, everything else on `err`. */
export type Terminal = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `err` is a terminal that can redraw a line. */
  readonly live: boolean;
  /** How many characters fit in a line of `err`. */
  readonly columns: number;
};

/** What a command is given. */
export type CommandContext = {
  /** The words after the command's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  /** Aborted when the user wants the command to end (Ctrl-C). */
  readonly signal: AbortSignal;
};

/** How a command ended: done, failed, or used wrongly. */
export type ExitCode = 0 | 1 | 2;

/** One flag of a command, for its help and for docs/cli.md. */
export type FlagHelp = { readonly flag: string; readonly help: string };

/** One command of `darner`. What it needs to run is imported when it runs, so that a light command does not wait for the heavy ones. */
export type Command = {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** How it is called, without `darner`. */
  readonly usage: string;
  /** A few sentences more, and what it prints. */
  readonly about: string;
  readonly flags: readonly FlagHelp[];
  /** Whether the keys of the configuration are flags of this command, too. */
  readonly takesConfig: boolean;
  run(context: CommandContext): Promise<ExitCode>;
};

/** A word nobody knows, and the words it could have been. */
export type UnknownWord = { readonly word: string; readonly known: readonly string[] };

/** The command line is wrong: exit code 2, with what is wrong. */
export class UsageError extends Error {
  readonly unknown: UnknownWord | undefined;

  constructor(message: string, options: { readonly cause?: unknown; readonly unknown?: UnknownWord } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "UsageError";
    this.unknown = options.unknown;
  }
}
