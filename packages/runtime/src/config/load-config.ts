import type { Config, RawConfig } from "./config.ts";
import { readConfigFile } from "./config-file.ts";
import type { ConfigFile, ConfigProblem } from "./config-file.ts";
import { envOverrides, flagOverrides, unknownEnv } from "./config-overrides.ts";
import type { ConfigOverride } from "./config-overrides.ts";
import { problemsOf } from "./config-problems.ts";
import { configSchema } from "./config-schema.ts";
import { isMap, overlay, withValue } from "./config-tree.ts";

/** Where a configuration comes from; each overrides the one before. */
export type ConfigSources = {
  /** Other defaults than the schema's, told what was given elsewhere (`upDefaults`). */
  readonly defaults?: (given: RawConfig) => RawConfig;
  /** The path of a YAML file. */
  readonly file?: string;
  /** Environment variables; only `DARNER_…` is looked at. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags as path and text, as `takeConfigFlags` finds them. */
  readonly flags: Readonly<Record<string, string>>;
};

/** A configuration, checked and frozen, or everything that is wrong with it. */
export type LoadedConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly ConfigProblem[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Reads the configuration: the file, overridden by the environment, overridden by flags. A key without a value has its default. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const read = sources.file === undefined ? undefined : readConfigFile(sources.file);
  const file = Array.isArray(read) ? undefined : read;
  const fromEnv = envOverrides(sources.env);
  const fromFlags = flagOverrides(sources.flags);
  const overrides = [...fromEnv.overrides, ...fromFlags.overrides];
  const written = overrides.reduce((tree, { path, value }) => withValue(tree, path.split("."), value), file?.tree ?? {});
  const given = filledEntries(written);
  const tree = overlay(sources.defaults?.(given) ?? {}, given);
  const checked = configSchema.safeParse(tree);
  const wrong = checked.success ? [] : problemsOf(checked.error, tree, placesOf(overrides, file));
  const problems = [...(Array.isArray(read) ? read : []), ...fromEnv.problems, ...fromFlags.problems, ...wrong];
  if (!checked.success || problems.length > 0) return { ok: false, problems };
  return { ok: true, config: frozen(withoutPrototype(checked.data)), warnings: unknownEnv(sources.env) };
}

/** `docker.io:` without a value means the same as `docker.io: {}`: the registry is named. Elsewhere no value means the default. */
function filledEntries(tree: RawConfig): RawConfig {
  const registries = tree["registries"];
  if (!isMap(registries)) return tree;
  return { ...tree, registries: Object.fromEntries(Object.entries(registries).map(([name, entry]) => [name, entry ?? {}])) };
}

/** Clients name registries: one called `constructor` must not be found. */
function withoutPrototype(config: Config): Config {
  return { ...config, registries: Object.assign(Object.create(null) as Config["registries"], config.registries) };
}

function placesOf(
  overrides: readonly ConfigOverride[],
  file: ConfigFile | undefined,
): (path: readonly PropertyKey[]) => string | undefined {
  const places = new Map(overrides.map(({ path, from }) => [path, from]));
  return (path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const place = places.get(path.slice(0, length).map(String).join("."));
      if (place !== undefined) return place;
    }
    return file?.placeOf(path);
  };
}

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

/** Problems or warnings for people: one line each, with where it was written. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  return problems.map(({ path, problem, from }) => `${path}: ${problem}${from === undefined ? "" : ` (${from})`}`).join("\n");
}
