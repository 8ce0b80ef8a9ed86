import { parseArgs, type ParseArgsConfig } from "node:util";
import { UsageError } from "./command.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Read<Given extends Options> = ReturnType<typeof parseArgs<{ args: string[]; options: Given; allowPositionals: true; strict: true }>>;

/** Reads flags as Node does; anything unknown or ill-formed is a `UsageError` that says what. `alsoKnown` are flags somebody else reads. */
export function readArguments<const Given extends Options>(
  argv: readonly string[],
  options: Given,
  alsoKnown: readonly string[] = [],
): Read<Given> {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usageError(error, [...Object.keys(options), ...alsoKnown]);
  }
}

/** The same for a command that takes flags only. */
export function readFlags<const Given extends Options>(
  argv: readonly string[],
  options: Given,
  alsoKnown: readonly string[] = [],
): Read<Given>["values"] {
  const { values, positionals } = readArguments(argv, options, alsoKnown);
  if (positionals.length > 0) throw new UsageError(`unexpected argument: ${positionals.join(" ")}`);
  return values;
}

/** `host:port` as given to `flag`; anything else is a `UsageError`. */
export function addressIn(text: string, flag: string): string {
  const url = URL.parse(`http://${text}`);
  const isAddress = url !== null && url.username === "" && /^(?:[\w.-]+|\[[0-9a-f:.]+\]):[0-9]+$/i.test(text);
  if (!isAddress) throw new UsageError(`${flag} takes HOST:PORT, not "${text}"`);
  return text;
}

function usageError(cause: unknown, known: readonly string[]): UsageError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const unknown = /^Unknown option '(-+)([^']+)'/.exec(message);
  if (unknown === null) return new UsageError(message.split("\n")[0] ?? message, { cause });
  const [, dashes = "", word = ""] = unknown;
  return new UsageError(`there is no flag ${dashes}${word}`, { cause, unknown: { word, known } });
}
