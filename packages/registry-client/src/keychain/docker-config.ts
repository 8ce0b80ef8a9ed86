import { Secret } from "@darner/runtime";
import { parsePlace, type CredentialPlace } from "./credential-place.ts";
import type { OwnCredential } from "./keychain.ts";

/** Who knows the credential of a place: the file itself, or a helper asked by the name of the place as the file writes it. */
export type Keeper =
  | { readonly kind: "here"; readonly credential: OwnCredential }
  | { readonly kind: "helper"; readonly helper: string; readonly server: string };

/** One line of a docker configuration. */
export type KeyEntry = { readonly place: CredentialPlace; readonly keeper: Keeper };

/** What a docker configuration says of credentials. */
export type DockerConfig = {
  readonly entries: readonly KeyEntry[];
  /** The helper asked for every registry that no entry is for. */
  readonly store: string | undefined;
  /** What could not be used, each with the key it stands at; never a value. */
  readonly problems: readonly string[];
};

// docker-credential-NAME is looked for on the PATH: a name is no path and no option.
const HELPER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
// A cluster's pull secrets name tens of registries.
const MAX_ENTRIES = 1024;

/** Reads docker's `config.json`, a `.dockerconfigjson` or a `.dockercfg` (the bare map of registries). */
export function readDockerConfig(text: string): DockerConfig {
  const problems: string[] = [];
  const config = objectIn(text);
  if (config === undefined) return { entries: [], store: undefined, problems: ["it is no JSON object"] };
  const isConfig = ["auths", "credHelpers", "credsStore"].some((key) => key in config);
  const auths = isConfig ? config["auths"] : config;
  const entries = [
    ...entriesOf("auths", auths, problems, (key, value) => hereKeeper(`auths["${key}"]`, value, problems)),
    ...entriesOf("credHelpers", isConfig ? config["credHelpers"] : undefined, problems, (key, value) =>
      helperKeeper(`credHelpers["${key}"]`, key, value, problems),
    ),
  ];
  if (entries.length > MAX_ENTRIES)
    problems.push(`it names ${String(entries.length)} registries, of which ${String(MAX_ENTRIES)} are used`);
  return { entries: entries.slice(0, MAX_ENTRIES), store: isConfig ? storeIn(config["credsStore"], problems) : undefined, problems };
}

function entriesOf(
  where: string,
  map: unknown,
  problems: string[],
  keeperOf: (key: string, value: unknown) => Keeper | undefined,
): KeyEntry[] {
  if (map === undefined || map === null) return [];
  if (!isObject(map)) {
    problems.push(`${where} is no map`);
    return [];
  }
  return Object.entries(map).flatMap(([key, value]) => {
    const place = parsePlace(key);
    if (place === undefined) {
      problems.push(`${where}: ${JSON.stringify(key.slice(0, 100))} names no registry`);
      return [];
    }
    const keeper = keeperOf(key, value);
    return keeper === undefined ? [] : [{ place, keeper }];
  });
}

/** An entry without a credential is what docker writes beside a helper: it says nothing. */
function hereKeeper(where: string, value: unknown, problems: string[]): Keeper | undefined {
  if (!isObject(value)) {
    problems.push(`${where} is no map`);
    return undefined;
  }
  const [registryToken, identityToken] = [textIn(value, "registrytoken"), textIn(value, "identitytoken")];
  if (registryToken !== undefined) return { kind: "here", credential: { kind: "registry-token", token: new Secret(registryToken) } };
  if (identityToken !== undefined) return { kind: "here", credential: { kind: "identity-token", token: new Secret(identityToken) } };
  const pair = pairIn(where, value, problems);
  return pair === undefined ? undefined : { kind: "here", credential: { kind: "password", ...pair } };
}

function pairIn(where: string, value: Record<string, unknown>, problems: string[]): { username: string; password: Secret } | undefined {
  const auth = textIn(value, "auth");
  if (auth !== undefined) {
    const decoded = /^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(auth) ? Buffer.from(auth, "base64").toString("utf8") : "";
    // Old clients padded with NUL.
    const [username = "", ...rest] = decoded.replace(/\0+$/, "").split(":");
    if (rest.length > 0 && username !== "") return { username, password: new Secret(rest.join(":")) };
    problems.push(`${where}.auth is not the base64 of user:password`);
    return undefined;
  }
  const [username, password] = [textIn(value, "username"), textIn(value, "password")];
  if (username !== undefined && password !== undefined) return { username, password: new Secret(password) };
  if (username !== undefined || password !== undefined) problems.push(`${where} has a username or a password and not both`);
  return undefined;
}

function helperKeeper(where: string, key: string, value: unknown, problems: string[]): Keeper | undefined {
  const helper = helperIn(where, value, problems);
  return helper === undefined ? undefined : { kind: "helper", helper, server: key };
}

function storeIn(value: unknown, problems: string[]): string | undefined {
  return value === undefined || value === null || value === "" ? undefined : helperIn("credsStore", value, problems);
}

function helperIn(where: string, value: unknown, problems: string[]): string | undefined {
  if (typeof value === "string" && HELPER.test(value)) return value;
  problems.push(`${where} is no name of a helper (letters, digits, ".", "_" and "-")`);
  return undefined;
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function textIn(value: Record<string, unknown>, key: string): string | undefined {
  const text = value[key];
  return typeof text === "string" && text !== "" ? text : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
