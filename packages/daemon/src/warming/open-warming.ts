import type { Logger, Timers } from "@darner/runtime";
import type { Peers } from "../peers/open-peers.ts";
import { Warming, type WarmingDeps } from "./warming.ts";

/** Puts together what gets the contents of preheat jobs onto this host. */
export function openWarming(
  peers: Peers,
  access: Pick<WarmingDeps, "hasOwnCredential" | "registryBehind">,
  { timers, log }: { readonly timers: Timers; readonly log: Logger },
): Warming {
  return new Warming({
    store: peers.store,
    peers: peers.table,
    ...access,
    announceComplete: (task, registry) => {
      peers.announceComplete(task, registry);
    },
    tell: (report) => {
      peers.tellWarmed(report);
    },
    timers,
    log,
  });
}
