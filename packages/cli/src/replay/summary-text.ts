import type { HostId } from "@darner/domain";
import type { JournalHeader, ReplaySummary, ReplayVerdict, TaskSummary } from "@darner/scheduler";
import { bytesText } from "../text.ts";
import { hostText } from "./replay-text.ts";

const ENDS: Readonly<Record<ReplayVerdict["end"], string>> = {
  closed: "until its scheduler was stopped",
  full: "until it was full",
  "slow-disk": "until the disk was too slow for it",
  cut: "cut off (its scheduler was killed, or still runs)",
};

// Beyond it the list says how many are left out; --json has them all.
const MAX_TASKS = 50;

/** What a replay adds up to, for people. */
export function summaryText(header: JournalHeader, verdict: ReplayVerdict, summary: ReplaySummary): string {
  const { tasks } = summary;
  const rows: (readonly [string, string])[] = [
    [
      "journal",
      `Darner ${header.version}, began ${header.began}, ${(verdict.ms / 1000).toFixed(1)} s, ${String(verdict.events)} events, ${ENDS[verdict.end]}`,
    ],
    ["replay", verdictText(verdict)],
    ["hosts", `${String(summary.hostsJoined)} joined, ${String(summary.hostsLost)} lost`],
    ["failures", countsText(summary.failures) || "none"],
    [
      "struck",
      countsText(Object.fromEntries(Object.entries(summary.struck).map(([host, times]) => [hostText(host as HostId), times]))) || "nobody",
    ],
    ["faults", countsText(summary.faults) || "none"],
    ...tasks.slice(0, MAX_TASKS).flatMap(taskRows),
    ...(tasks.length > MAX_TASKS ? [["", `and ${String(tasks.length - MAX_TASKS)} tasks more`] as const] : []),
  ];
  return rows.map(([name, value]) => `${name.padEnd(10)}${value}\n`).join("");
}

function verdictText({ check, differsAt, broke }: ReplayVerdict): string {
  const differs =
    differsAt === undefined ? "" : `NOT faithful: from line ${String(differsAt)} on this core decides otherwise than the one recorded`;
  if (broke !== undefined) {
    const recorded = broke.asRecorded ? ", as it did when it was recorded" : "";
    return `${differs === "" ? "" : `${differs}; `}the core breaks on line ${String(broke.line)}${recorded}: ${broke.message}`;
  }
  return differs === "" ? `faithful: every decision is the recorded one (check ${check.toString(16).padStart(8, "0")})` : differs;
}

function taskRows({ task, pieces, ...of }: TaskSummary): (readonly [string, string])[] {
  const read = Object.values(of.sourceBytes).reduce((sum, bytes) => sum + bytes, 0);
  const causes = Object.entries(of.sourceBytes).map(([cause, bytes]) => `${bytesText(bytes)} ${cause}`);
  const share = task.size === 0 ? "" : ` (${(read / task.size).toFixed(3)} of the blob)`;
  return [
    ["task", `${task.digest} ${bytesText(task.size)}, ${String(pieces)} pieces`],
    ["", `${String(of.wanted)} hosts wanted it, ${String(of.proven)} proved it`],
    [
      "",
      `${String(of.piecesFromParents)} pieces granted from hosts (${String(of.parentGrants)} grants), ${String(of.piecesFromSource)} from the source (${String(of.stripes)} stripes), ${String(of.revoked)} grants revoked`,
    ],
    ["", causes.length === 0 ? "the source was left alone" : `source: ${causes.join(", ")}${share}`],
  ];
}

function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, times]) => `${name} ${String(times)}×`)
    .join(", ");
}
