import { homedir } from "node:os";
import { join } from "node:path";
import { parseListen } from "../listen-address.ts";
import type { RawConfig } from "./config.ts";
import { valueAt } from "./config-tree.ts";

const LOOPBACK = "127.0.0.1";
const PORTS = { mirror: 4101, pieces: 4102, p2p: 4103, admin: 4104, metrics: 4105, grpc: 4110, http: 4111 };

/**
 * The defaults of `darner up`: scheduler and daemon on loopback, no token, data in `dataDir` or the user's own directory,
 * little disk kept free. The daemon's scheduler follows `listen.grpc`; where that leaves the port to the system, `schedulers`
 * is left empty and whoever opens the two fills the real address in.
 */
export function upDefaults(dataDir?: string): (given: RawConfig) => RawConfig {
  return (given) => ({
    dataDir: dataDir ?? join(homedir(), ".local", "share", "darner"),
    listen: Object.fromEntries(Object.entries(PORTS).map(([door, port]) => [door, `${LOOPBACK}:${String(port)}`])),
    schedulers: schedulersOf(valueAt(given, ["listen", "grpc"])),
    advertise: LOOPBACK,
    join: { insecure: true },
    store: { minFreeBytes: "1GiB" },
  });
}

function schedulersOf(grpc: unknown): readonly string[] {
  const port = (typeof grpc === "string" ? parseListen(grpc)?.port : undefined) ?? PORTS.grpc;
  return port === 0 ? [] : [`${LOOPBACK}:${String(port)}`];
}
