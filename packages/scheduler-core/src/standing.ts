import { hasAccess, readableFrom } from "./source/choose-reader.ts";
import type { Group } from "./books/group.ts";
import { isWanting, type Member, type Standing } from "./books/member.ts";
import type { Turn } from "./turn.ts";

// A registry that is to be left alone for so much longer than was said is worth another message.
const LATER_MS = 1_000;

/**
 * Tells a peer how it stands, where that changed, or where it is to wait longer than it was told.
 *
 *     fed      something is promised, or some peer may read the source now
 *     limited  nothing is promised, and who may read the source has to wait
 *     struck   nothing is promised, and the only source is one that sends wrong bytes of this blob
 *     starved  nothing is promised, and nobody may read the source
 */
export function tellStanding(turn: Turn, member: Member, sourceReadable: () => number | undefined): void {
  const { peer } = member;
  if (peer === undefined) return;
  const { standing, retryAfterMs } = standingOf(turn, member, sourceReadable);
  const until = turn.now + retryAfterMs;
  if (peer.standing === standing && (standing !== "limited" || until <= peer.limitedUntil + LATER_MS)) return;
  peer.standing = standing;
  peer.limitedUntil = until;
  turn.effects.push({ type: "tell-standing", host: member.host.id, task: turn.swarm.task, standing, retryAfterMs });
}

function standingOf(
  turn: Turn,
  member: Member,
  sourceReadable: () => number | undefined,
): { readonly standing: Standing; readonly retryAfterMs: number } {
  if (!isWanting(member) || member.peer.promisedCount > 0) return { standing: "fed", retryAfterMs: 0 };
  const readable = sourceReadable();
  if (readable === undefined) return { standing: isStruckFor(turn, member) ? "struck" : "starved", retryAfterMs: 0 };
  if (readable <= turn.now) return { standing: "fed", retryAfterMs: 0 };
  return { standing: "limited", retryAfterMs: readable - turn.now };
}

function isStruckFor({ memory, swarm, now }: Turn, { registry, host, peer }: Member): boolean {
  return peer !== undefined && peer.access !== "none" && memory.trust.isStruck(swarm.id, registry, host.id, now);
}

/** The earliest instant at which some peer of the group may read the source; undefined where none has access. */
export function sourceReadableFrom(turn: Turn, group: Group): number | undefined {
  let earliest: number | undefined;
  for (const member of group.members) {
    if (!hasAccess(turn, member)) continue;
    const from = readableFrom(turn, member);
    if (from <= turn.now) return turn.now;
    earliest = Math.min(earliest ?? from, from);
  }
  return earliest;
}
