import { formatProblems, loadConfig, takeConfigFlags, type Config, type RawConfig } from "@darner/runtime";
import { readArguments } from "./arguments.ts";
import { UsageError, type CommandContext } from "./command.ts";

/** Reads the configuration of a process from `--config FILE`, the environment and flags. Throws `UsageError` that names every problem at once. */
export function readConfig({ argv, env, terminal }: CommandContext, defaults?: (given: RawConfig) => RawConfig): Config {
  const taken = takeConfigFlags(argv);
  const { values, positionals } = readArguments(taken.rest, { config: { type: "string" } });
  if (positionals.length > 0) throw new UsageError(`unexpected argument: ${positionals.join(" ")}`);
  if (taken.problems.length > 0) throw new UsageError(formatProblems(taken.problems));
  const loaded = loadConfig({
    env,
    flags: taken.flags,
    ...(values.config === undefined ? {} : { file: values.config }),
    ...(defaults === undefined ? {} : { defaults }),
  });
  if (!loaded.ok) throw new UsageError(formatProblems(loaded.problems));
  if (loaded.warnings.length > 0) terminal.err(`${formatProblems(loaded.warnings)}\n`);
  return loaded.config;
}
