import type { DaemonStatus } from "@darner/daemon";
import { bytesText, durationText } from "./text.ts";

/** A daemon's status for people. */
export function statusText(status: DaemonStatus): string {
  const { addresses, bytes, store } = status;
  const rows: readonly (readonly [string, string])[] = [
    ["host", `${status.host} (${status.name})`],
    [
      "version",
      [`${status.version}, up ${durationText(status.upSeconds)}`, status.seed ? "seed" : "", zoneText(status.zone)]
        .filter(Boolean)
        .join(", "),
    ],
    ["mirror", `http://${addresses.mirror}`],
    ["pieces", addresses.pieces],
    ["libp2p", addresses.p2p],
    ["metrics", `http://${addresses.metrics}/metrics`],
    ["scheduler", schedulerText(status)],
    ...standbyRows(status),
    ...(status.nodeSetup === null ? [] : [["node", setupText(status.nodeSetup)] as const]),
    ["store", `${bytesText(store.bytes)} of ${bytesText(store.maxBytes)}, ${counted(store.blobs, "blob")}`],
    ["received", `${bytesText(bytes.source)} from the source, ${bytesText(bytes.parent)} from other hosts`],
    ["served", `${bytesText(bytes.disk)} again from disk, ${bytesText(bytes.uploaded)} to other hosts`],
    ...status.peers.map(
      (peer) => ["fetching", `${peer.digest} ${bytesText(peer.bytes)}, ${String(peer.held)} of ${String(peer.pieces)} pieces`] as const,
    ),
    ...status.wrongBytes.map(
      ({ what, who, digest, times, lastAt }) =>
        ["wrong", `${WRONG_TEXTS[what]} ${who}, ${timesText(times)}, last ${lastAt}: ${digest}`] as const,
    ),
    ...status.refusedRegistries.map(
      ({ registry, reason, add = `registries: { "${registry}": {} }` }) =>
        ["refused", `${registry}: ${reason}; to allow it: ${add}`] as const,
    ),
  ];
  return rows.map(([name, value]) => `${name.padEnd(11)}${value}\n`).join("");
}

/** How the runtime of this node stands with the mirror. */
function setupText({ state, probe, problem }: NonNullable<DaemonStatus["nodeSetup"]>): string {
  const stands = {
    waiting: "node set-up waits for the daemon",
    held: "the runtime is told of the mirror",
    refused: "the runtime cannot be told of the mirror",
  };
  const probed = { none: "", arrived: ", and asks it", lost: ", and does not ask it", unreachable: "; it could not be asked for a probe" };
  return `${stands[state]}${probed[probe]}${problem === "" ? "" : `: ${problem}`}`;
}

type SchedulerSession = DaemonStatus["schedulerSessions"][number];

const WRONG_TEXTS: Readonly<Record<DaemonStatus["wrongBytes"][number]["what"], string>> = {
  "piece-refused": "pieces from host",
  "proof-failed": "bytes without their digest from registry",
  rotten: "bytes changed on this host's disk:",
  "told-wrong": "the scheduler says that this host was wrong:",
  "told-blocked": "the scheduler takes nothing from this host for a while:",
};

function timesText(times: number): string {
  return times === 1 ? "once" : `${String(times)} times`;
}

/** Which scheduler is followed, since when, and how many hosts it answers. */
function schedulerText({ scheduler, schedulers, schedulerSeconds, schedulerSessions }: DaemonStatus): string {
  const active = schedulerSessions.find(({ state }) => state === "active");
  if (scheduler !== null && active === undefined) return scheduler;
  if (active !== undefined) return `${nameText(active)}, followed for ${durationText(schedulerSeconds)}${reachText(active)}`;
  return schedulers.length === 0 ? "none configured" : `none answers (${schedulers.join(", ")})`;
}

/** The schedulers that are not followed: they hear what this host holds, or do not answer. */
function standbyRows({ schedulerSessions }: DaemonStatus): (readonly [string, string])[] {
  return schedulerSessions.flatMap((row) => {
    if (row.state === "active") return [];
    return [["", row.state === "standby" ? `standby ${nameText(row)}${reachText(row)}` : `${row.address} does not answer`] as const];
  });
}

function nameText({ name, address }: SchedulerSession): string {
  return name === null ? address : `${name} at ${address}`;
}

function reachText({ reach }: SchedulerSession): string {
  return reach === null ? "" : `, answers ${String(reach.reached)} of ${counted(reach.hosts, "host")}`;
}

function zoneText(zone: string): string {
  return zone === "" ? "" : `zone ${zone}`;
}

function counted(count: number, word: string): string {
  return `${String(count)} ${word}${count === 1 ? "" : "s"}`;
}
