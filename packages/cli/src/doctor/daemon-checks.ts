import { connect } from "node:net";
import type { DaemonStatus } from "@darner/daemon";
import { parseListen, VERSION } from "@darner/runtime";
import { amiss, well, type Finding } from "./finding.ts";
import { pathChecks } from "./path-checks.ts";

// On a network that works a connection stands within a round trip.
const CONNECT_MS = 3000;
// Of a store that is as full as it may be the oldest goes first; a node that pulls more than it can keep asks again and again.
const FULL = 0.98;

/** What the daemon says of itself. */
export async function daemonChecks(status: DaemonStatus): Promise<Finding[]> {
  return [
    well("daemon.answers", `${status.name} (${status.host}), version ${status.version}`),
    versionCheck(status),
    storeCheck(status),
    ...(await schedulerChecks(status)),
    ...wrongChecks(status),
    ...registryChecks(status),
  ];
}

/** Whether the mirror answers at its address, as a runtime would ask it. */
export async function mirrorCheck(mirror: string): Promise<Finding> {
  const id = "mirror.answers";
  try {
    const response = await fetch(`http://${mirror}/v2/`, { signal: AbortSignal.timeout(CONNECT_MS) });
    await response.arrayBuffer();
    // A registry that wants a login answers so, and the mirror passes it on.
    if (response.ok || response.status === 401) return well(id, `http://${mirror}`);
    return amiss(
      id,
      "error",
      `http://${mirror} answers ${String(response.status)}`,
      "see whether another program listens there (listen.mirror)",
    );
  } catch (error) {
    return amiss(
      id,
      "error",
      `nobody answers at http://${mirror} (${reason(error)})`,
      "start the daemon, or name its listen.mirror with --mirror",
    );
  }
}

function versionCheck({ version }: DaemonStatus): Finding {
  if (version === VERSION) return well("daemon.version", `the daemon and this command are ${VERSION}`);
  return amiss("daemon.version", "warning", `the daemon is ${version}, this command ${VERSION}`, "restart the daemon with the new version");
}

function storeCheck({ store: { bytes, maxBytes, blobs } }: DaemonStatus): Finding {
  const share = maxBytes > 0 ? bytes / maxBytes : 0;
  const text = `${String(blobs)} blobs, ${String(Math.round(share * 100))} % of store.maxBytes`;
  if (share < FULL) return well("daemon.store", text);
  return amiss("daemon.store", "warning", text, "give it more room (store.maxBytes), or leave it: what was used last stays");
}

async function schedulerChecks({ scheduler, schedulers, schedulerSessions }: DaemonStatus): Promise<Finding[]> {
  if (schedulers.length === 0) return [well("scheduler.followed", "none is configured: the swarm elects its own")];
  if (scheduler !== null) {
    const answering = schedulerSessions.filter(({ state }) => state !== "absent");
    const paths = await Promise.all(answering.map(({ address }) => pathChecks(address)));
    return [well("scheduler.followed", scheduler), ...paths.flat()];
  }
  const reached = await Promise.all(schedulers.map(reach));
  const fix = "the daemon's log says why (darner_daemon_scheduler_refusals_total counts); blobs come from the registries until then";
  return [amiss("scheduler.followed", "error", `none answers (${schedulers.join(", ")})`, fix), ...reached];
}

/** Whether a scheduler's port can be reached from here at all. */
async function reach(address: string): Promise<Finding> {
  const id = "scheduler.reachable";
  const parsed = parseListen(address);
  if (parsed === undefined) return amiss(id, "error", `${address} is no host:port`, "mend schedulers in the configuration");
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const socket = connect({ host: parsed.host, port: parsed.port, timeout: CONNECT_MS });
  const end = (finding: Finding): void => {
    socket.destroy();
    resolve(finding);
  };
  const fix = "see that the name resolves here, that the scheduler runs, and that no NetworkPolicy or firewall is between";
  socket.once("connect", () => {
    end(well(id, `${address} takes connections`));
  });
  socket.once("timeout", () => {
    end(amiss(id, "error", `${address} does not answer`, fix));
  });
  socket.once("error", (error) => {
    end(amiss(id, "error", `${address}: ${error.message}`, fix));
  });
  return promise;
}

function wrongChecks({ wrongBytes }: DaemonStatus): Finding[] {
  if (wrongBytes.length === 0) return [well("daemon.bytes", "no wrong bytes were seen")];
  const text = `wrong bytes of ${String(wrongBytes.length)} blobs were found and refused`;
  return [amiss("daemon.bytes", "warning", text, "darner status names who sent them; a disk of this very node is named there, too")];
}

function registryChecks({ refusedRegistries }: DaemonStatus): Finding[] {
  return refusedRegistries.map(({ registry, reason: why, add = `registries: { "${registry}": {} }` }) =>
    amiss("registry.refused", "warning", `${registry} was asked for and refused: ${why}`, `to allow it: ${add}`),
  );
}

function reason(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
}
