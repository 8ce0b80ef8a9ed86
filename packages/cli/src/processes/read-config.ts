import { formatProblems, loadConfig, takeConfigFlags, type Config, type RawConfig } from "@darner/runtime";
import { readFlags } from "../arguments.ts";
import { UsageError, type CommandContext } from "../command.ts";

/** Reads the configuration of a process from `--config FILE`, the environment and flags. Throws `UsageError` that names every problem at once. */
export function readConfig({ argv, env, terminal }: CommandContext, defaults?: (given: RawConfig) => RawConfig): Config {
  const taken = takeConfigFlags(argv);
  const unknown = unknownFlags(taken.rest);
  const rest = unknown.length === 0 ? taken.rest : [];
  const { config: file } = readFlags(rest, { config: { type: "string" } });
  const loaded = loadConfig({
    env,
    flags: { ...taken.flags, ...Object.fromEntries(unknown.map((name) => [name, ""])) },
    ...(file === undefined ? {} : { file }),
    ...(defaults === undefined ? {} : { defaults }),
  });
  const problems = [...taken.problems, ...(loaded.ok ? [] : loaded.problems)];
  if (problems.length > 0) throw new UsageError(`the configuration is wrong:\n${formatProblems(problems).replaceAll(/^/gm, "  ")}`);
  if (!loaded.ok) throw new UsageError("the configuration is wrong");
  if (loaded.warnings.length > 0) terminal.err(`${formatProblems(loaded.warnings)}\n`);
  return loaded.config;
}

/** Flags that are neither `--config` nor a key: they are told with everything else that is wrong. */
function unknownFlags(words: readonly string[]): string[] {
  return words.flatMap((word) => {
    const name = /^--([^=]+)/.exec(word)?.[1];
    return name === undefined || name === "config" ? [] : [name];
  });
}
