import { readFile } from "node:fs/promises";
import { Secret, StartError, type Config, type RegistryConfig } from "@darner/runtime";
import type { RegistryClientConfig, RegistryEntry } from "./config.ts";
import type { ImagePatterns } from "./image-patterns.ts";

/** The configuration of the registry client, with the files it names read. Rejects with `StartError` where one cannot be. */
export async function registryConfigOf(config: Config, patterns: ImagePatterns): Promise<RegistryClientConfig> {
  const entries = Object.entries(config.registries).map(async ([name, entry]) => [name, await entryOf(name, entry)] as const);
  return {
    registries: Object.fromEntries(await Promise.all(entries)),
    allow: (registry) => patterns.allowsRegistry(registry),
    deny: (host) => patterns.deniesHost(host),
    maxConnectionsPerRegistry: config.source.maxConnectionsPerRegistry,
    maxManifestBytes: config.mirror.maxManifestBytes,
  };
}

async function entryOf(name: string, { plainHttp, caFile, endpoint, credentials, realms }: RegistryConfig): Promise<RegistryEntry> {
  return {
    plainHttp,
    realms,
    ...(caFile === undefined ? {} : { ca: await readOwn(caFile, `registries.${name}.caFile`) }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined
      ? {}
      : { credentials: { username: credentials.username, password: await passwordOf(name, credentials.passwordFile) } }),
  };
}

async function passwordOf(name: string, path: string): Promise<Secret> {
  const text = await readOwn(path, `registries.${name}.credentials.passwordFile`);
  return new Secret(text.replace(/\r?\n$/, ""));
}

function readOwn(path: string, key: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw new StartError({ code: "file-unusable", path, key }, `cannot read ${path} (${key}): ${String(cause)}`, { cause });
  });
}
