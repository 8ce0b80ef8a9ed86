import { readFile } from "node:fs/promises";
import type { Config, Logger } from "@darner/runtime";

const ZONE = /^[^\s/]+(?:\/[^\s/]+)*$/;

/** The configuration with the zone that stands in `zoneFile`, where none is set. A file that cannot be used is told of and means no zone. */
export async function withZone(config: Config, log: Logger): Promise<Config> {
  const { zone, zoneFile } = config;
  if (zone !== undefined || zoneFile === undefined) return config;
  try {
    const text = (await readFile(zoneFile, "utf8")).trim();
    if (text === "") return config;
    if (ZONE.test(text)) return { ...config, zone: text };
    log.warn("zone file holds no zone (names with / between); this host has none", { zoneFile });
  } catch (error) {
    log.warn("zone file cannot be read; this host has no zone", { zoneFile, error });
  }
  return config;
}
