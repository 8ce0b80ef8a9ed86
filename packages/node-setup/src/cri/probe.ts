import { randomBytes } from "node:crypto";
import { probeRegistry } from "@darner/domain";
import { sleep, type Timers } from "@darner/runtime";
import type { CriClient } from "./cri-client.ts";

/** What became of a probe pull: it came to the mirror, it did not, or the runtime could not be asked. */
export type ProbeOutcome = "arrived" | "lost" | "unreachable";

/** What a probe is made with. */
export type ProbeDeps = {
  readonly cri: Pick<CriClient, "pull">;
  /** Whether the daemon's mirror was asked for this registry. */
  readonly arrived: (registry: string) => Promise<boolean>;
  readonly timers: Timers;
};

// The request comes to the mirror within milliseconds; then the runtime looks the name up in vain, which may take it seconds.
const LOOK_MS = 100;
const NAME_BYTES = 12;

/**
 * Has the runtime pull an image that nobody has, from a registry with a name of this moment, and looks whether the request came to the
 * mirror: the one proof that the runtime reads what it was told, whatever its version and configuration.
 */
export async function probe({ cri, arrived, timers }: ProbeDeps, signal: AbortSignal): Promise<ProbeOutcome> {
  const registry = probeRegistry(randomBytes(NAME_BYTES).toString("hex"));
  let ended: "pulled" | "refused" | "unreachable" | undefined;
  const pulled = cri.pull(`${registry}/probe:1`).then((outcome) => (ended = outcome));
  while (ended === undefined && !signal.aborted) {
    if (await arrived(registry)) return "arrived";
    await Promise.race([pulled, sleep(LOOK_MS, signal, timers).catch(() => undefined)]);
  }
  if (await arrived(registry)) return "arrived";
  return ended === "refused" || ended === "pulled" ? "lost" : "unreachable";
}
