import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Registry } from "@darner/runtime";
import { capturedLog } from "@darner/testkit";
import type { CapturedLog } from "@darner/testkit";
import { createMirrorMetrics } from "../src/metrics.ts";
import type { MirrorConfig } from "../src/mirror-config.ts";
import { openMirror } from "../src/open-mirror.ts";
import type { Mirror } from "../src/open-mirror.ts";
import { MapBackend } from "./map-backend.ts";

/** A mirror that listens on loopback in front of a map. */
export type TestMirror = AsyncDisposable & {
  readonly mirror: Mirror;
  readonly backend: MapBackend;
  readonly port: number;
  readonly log: CapturedLog;
  readonly metrics: Registry;
};

/** Opens one; disposing it closes it without grace. */
export async function openTestMirror(config: Partial<MirrorConfig> = {}): Promise<TestMirror> {
  const backend = new MapBackend();
  const log = capturedLog();
  const metrics = new Registry();
  const mirror = openMirror({
    config: { defaultRegistry: "docker.io", allow: () => true, registries: [], ownAddresses: [], lingerMs: 1000, ...config },
    backend,
    log,
    metrics: createMirrorMetrics(metrics),
  });
  mirror.server.listen(0, "127.0.0.1");
  await once(mirror.server, "listening");
  const { port } = mirror.server.address() as AddressInfo;
  return { mirror, backend, port, log, metrics, [Symbol.asyncDispose]: () => mirror.close(0) };
}
