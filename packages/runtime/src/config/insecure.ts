import { StartError } from "../start-error.ts";
import type { Config, ListenConfig } from "./config.ts";
import { isLoopback } from "./loopback.ts";

/**
 * Whether this process lets everybody in (`join.insecure`). Throws `StartError` where one of its doors is then open to other
 * machines and nobody has said, in as many words, that this is meant.
 */
export function isInsecure({ join, listen }: Config, doors: readonly (keyof ListenConfig)[]): boolean {
  if (!join.insecure) return false;
  const open = doors.find((door) => !isLoopback(listen[door]));
  if (open === undefined || join.insecureForEverybodyWhoReachesThisHost) return true;
  throw new StartError(
    { code: "insecure-off-loopback", address: listen[open], key: `listen.${open}` },
    `join.insecure is meant for loopback, but ${listen[open]} (listen.${open}) is reached from other machines: use join tokens (darner token create), ` +
      `set listen.${open} to an address of 127.0.0.1, or, where every machine that reaches this one may be a member, set join.insecureForEverybodyWhoReachesThisHost`,
  );
}
