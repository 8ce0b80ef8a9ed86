import { CONFIG_KEYS } from "./config-keys.ts";
import type { ConfigKey } from "./config-keys.ts";
import type { ConfigProblem } from "./config-file.ts";
import { nearMiss } from "./near-miss.ts";

/** A key's value from an environment variable or flag. */
export type ConfigOverride = { readonly path: string; readonly value: unknown; readonly from: string };

/** What a set of variables or flags says. */
export type ConfigOverrides = { readonly overrides: readonly ConfigOverride[]; readonly problems: readonly ConfigProblem[] };

// Kubernetes sets DARNER_PORT, DARNER_SERVICE_HOST and the like in every pod beside a service called darner.
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(?:_|$)|_PORT$|_PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_|$)/;
const BY_ENV: ReadonlyMap<string, ConfigKey> = new Map(CONFIG_KEYS.flatMap((key) => (key.override ? [[key.override.env, key]] : [])));
const BY_PATH: ReadonlyMap<string, ConfigKey> = new Map(CONFIG_KEYS.flatMap((key) => (key.override ? [[key.path, key]] : [])));

/** Reads the variables that are keys of the configuration. */
export function envOverrides(env: Readonly<Record<string, string | undefined>>): ConfigOverrides {
  return readAll([...BY_ENV.values()].map((key) => ({ key, from: key.override?.env ?? "", text: env[key.override?.env ?? ""] })));
}

/** One warning for each `DARNER_…` variable that is no key. */
export function unknownEnv(env: Readonly<Record<string, string | undefined>>): ConfigProblem[] {
  const strangers = Object.keys(env).filter((name) => name.startsWith("DARNER_") && !BY_ENV.has(name) && !SERVICE_LINK.test(name));
  return strangers
    .toSorted()
    .map((name) => ({ path: name, problem: `unknown variable, ignored${hint(nearMiss(name, [...BY_ENV.keys()]))}` }));
}

/** Reads flags given as path and text (`{ "listen.mirror": "127.0.0.1:0" }`). */
export function flagOverrides(flags: Readonly<Record<string, string>>): ConfigOverrides {
  const known = Object.entries(flags).flatMap(([path, text]) => {
    const key = BY_PATH.get(path);
    return key === undefined ? [] : [{ key, from: `--${path}`, text }];
  });
  const unknown = Object.keys(flags).filter((path) => !BY_PATH.has(path));
  const read = readAll(known);
  const strangers = unknown.map((path) => ({
    path: `--${path}`,
    problem: `unknown flag${hint(nearMiss(path, [...BY_PATH.keys()]), "--")}`,
  }));
  return { overrides: read.overrides, problems: [...read.problems, ...strangers] };
}

/** A command line taken apart: the flags that are keys of the configuration, and what is left for the command. */
export type ConfigFlags = {
  readonly flags: Readonly<Record<string, string>>;
  readonly rest: readonly string[];
  readonly problems: readonly ConfigProblem[];
};

/** Takes `--listen.mirror VALUE`, `--listen.mirror=VALUE` and bare switches (`--seed`) out of a command line; the last of a kind counts. What is in `own` stays with the command. */
export function takeConfigFlags(argv: readonly string[], own: readonly string[] = []): ConfigFlags {
  const flags: Record<string, string> = {};
  const rest: string[] = [];
  const problems: ConfigProblem[] = [];
  const left = [...argv];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === "--") return { flags, rest: [...rest, word, ...left], problems };
    const { path, inline } = splitFlag(word);
    const key = path === undefined || own.includes(path) ? undefined : BY_PATH.get(path);
    if (key === undefined) {
      rest.push(word);
      continue;
    }
    const value = inline ?? flagValue(key, left);
    if (value === undefined) problems.push({ path: key.path, problem: `needs a value: ${key.takes}`, from: `--${key.path}` });
    else flags[key.path] = value;
  }
  return { flags, rest, problems };
}

function splitFlag(word: string): { path?: string; inline?: string } {
  const match = /^--([A-Za-z0-9.]+)(?:=([^]*))?$/.exec(word);
  if (match?.[1] === undefined) return {};
  return match[2] === undefined ? { path: match[1] } : { path: match[1], inline: match[2] };
}

function flagValue(key: ConfigKey, left: string[]): string | undefined {
  const isSwitch = key.default === "true" || key.default === "false";
  const next = left[0];
  if (isSwitch) return next === "true" || next === "false" ? left.shift() : "true";
  return next === undefined || next.startsWith("--") ? undefined : left.shift();
}

type Written = { readonly key: ConfigKey; readonly from: string; readonly text: string | undefined };

function readAll(written: readonly Written[]): ConfigOverrides {
  const overrides: ConfigOverride[] = [];
  const problems: ConfigProblem[] = [];
  for (const { key, from, text } of written) {
    if (text === undefined) continue;
    const value = readText(key, text);
    if (value === undefined) problems.push({ path: key.path, problem: `is not JSON; takes ${key.takes}, written as JSON`, from });
    else overrides.push({ path: key.path, value, from });
  }
  return { overrides, problems };
}

/** The value a text stands for; undefined where it should be JSON and is none. A wrong number stays a text, which the schema then refuses. */
function readText(key: ConfigKey, text: string): unknown {
  if (key.form === "text") return text;
  if (key.form === "value") {
    if (text === "true" || text === "false") return text === "true";
    return /^-?[0-9]+(?:\.[0-9]+)?$/.test(text) ? Number(text) : text;
  }
  try {
    return (JSON.parse(text) as unknown) ?? undefined;
  } catch {
    return undefined;
  }
}

function hint(meant: string | undefined, before = ""): string {
  return meant === undefined ? "" : `; did you mean ${before}${meant}?`;
}
