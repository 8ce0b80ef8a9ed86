import type { HostId, PieceHash, PieceRun, Task } from "@darner/domain";
import type { ReplayStep, StripeCause } from "@darner/scheduler";
import { bytesText } from "../text.ts";

type Event = ReplayStep["event"];
type Effect = ReplayStep["effects"][number];

const CAUSES: Readonly<Record<StripeCause, string>> = {
  "first-read": "nobody read it before",
  "lost-reader": "its reader left",
  "failed-read": "its reader could not",
  "failed-proof": "the digest was wrong",
  again: "it was read before, and is late or lost",
};

/** One step for people: what happened, and under it what was decided. */
export function stepText({ ms, event, effects, struck }: ReplayStep, causes: ReadonlyMap<number, StripeCause>): string {
  const at = (ms / 1000).toFixed(3).padStart(10);
  const lines = [`${at}  ${eventText(event)}`];
  for (const effect of effects) lines.push(`${" ".repeat(12)}→ ${effectText(effect, causes)}`);
  for (const host of struck) lines.push(`${" ".repeat(12)}→ ${hostText(host)} is nobody's parent for a while: it failed too often`);
  return `${lines.join("\n")}\n`;
}

/** The end of a host id: what tells hosts apart. */
export function hostText(host: HostId): string {
  return `…${host.slice(-8)}`;
}

/** The beginning of a digest. */
export function taskText({ digest }: Task): string {
  return digest.slice(digest.indexOf(":") + 1, digest.indexOf(":") + 13);
}

function eventText(event: Event): string {
  if (event.type === "time-passed") return "time passed: swarms that wait are looked over";
  if (event.type === "hosts-moving")
    return event.forMs > 0 ? `hosts come from another scheduler: waited for up to ${String(event.forMs)} ms` : "the hosts have come";
  const who = hostText(event.host);
  if (event.type === "host-joined") {
    const { address, zone, seed } = event;
    return `${who} joined at ${address}${zone === "" ? "" : `, zone ${zone}`}${seed ? ", a seed" : ""}`;
  }
  if (event.type === "host-lost") return `${who} is lost`;
  return `${taskText(event.task)}  ${who} ${reportText(event)}`;
}

function reportText(event: Extract<Event, { readonly task: Task }>): string {
  switch (event.type) {
    case "blob-announced":
      return event.proven ? "holds it, proven" : `holds ${String(event.have.count)} of ${String(event.have.size)} pieces`;
    case "blob-dropped":
      return "dropped it";
    case "peer-opened":
      return `wants it (${bytesText(event.task.size)}) through ${event.registry}, ${accessText(event)}, holds ${String(event.have.count)} of ${String(event.have.size)} pieces`;
    case "peer-closed":
      return "no longer wants it";
    case "pieces-needed":
      return `waits for ${runText(event.run)}`;
    case "pieces-verified":
      return `has ${event.pieces.map(runText).join(", ")}${event.hashes.length === 0 ? "" : ", read from the source"}`;
    case "table-told":
      return `tells the table: ${linesText(event.hashes)}`;
    case "grant-failed":
      return `grant ${String(event.grant)} failed: ${event.failure.code}`;
    case "blob-proven":
      return "proved the digest";
    case "proof-failed":
      return "has every piece, and not the digest";
  }
}

function accessText({ access, sequential, priority }: Extract<Event, { type: "peer-opened" }>): string {
  const may = access === "none" ? "may not read the source" : `may read the source (${access})`;
  return `${may}${sequential ? ", not in ranges" : ""}${priority === "preheat" ? ", preheat" : ""}`;
}

function effectText(effect: Effect, causes: ReadonlyMap<number, StripeCause>): string {
  const who = `${taskText(effect.task)}  ${hostText(effect.host)}`;
  switch (effect.type) {
    case "grant-pieces":
      return `${who} takes ${runText(effect.run)} from ${hostText(effect.parent)} (grant ${String(effect.grant)})`;
    case "grant-stripe":
      return `${who} reads ${runText(effect.run)} from the source: ${CAUSES[causes.get(effect.grant) ?? "first-read"]} (grant ${String(effect.grant)})`;
    case "revoke-grant":
      return `${who} loses grant ${String(effect.grant)}`;
    case "send-table":
      return `${who} is told ${linesText(effect.hashes)} of the table`;
    case "ask-table":
      return `${who} is asked for its table`;
    case "tell-standing":
      return `${who} ${standingText(effect)}`;
    case "restart-peer":
      return `${who} begins again`;
    case "name-fault":
      return `${who} ${effect.registry === "" ? "was wrong" : `heard wrong bytes from ${effect.registry}`}: ${effect.fault}${effect.blocked ? ", nothing is taken from it for a while" : ""}`;
  }
}

function standingText({ standing, retryAfterMs }: Extract<Effect, { type: "tell-standing" }>): string {
  if (standing === "fed") return "is fed: pieces will come";
  if (standing === "struck") return "is struck: no registry that it may ask has this blob";
  return standing === "starved"
    ? "is starved: nobody can give what is missing"
    : `is to wait ${String(Math.round(retryAfterMs))} ms: the registry rests`;
}

/** `0-15`, `3`, `1, 5, … 61 (16)`. */
function runText({ first, stride, count }: PieceRun): string {
  const last = first + (count - 1) * stride;
  if (count === 1) return `piece ${String(first)}`;
  return stride === 1 ? `pieces ${String(first)}-${String(last)}` : `every ${String(stride)}th piece ${String(first)}-${String(last)}`;
}

function linesText(hashes: readonly PieceHash[]): string {
  return `${String(hashes.length)} line${hashes.length === 1 ? "" : "s"}`;
}
