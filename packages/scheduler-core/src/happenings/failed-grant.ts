import { blameParent } from "../books/avoided-parents.ts";
import { drop } from "../books/grant-book.ts";
import type { GrantFailure } from "../event.ts";
import { takeBackPlaces } from "../source/source-places.ts";
import { noteRefusal } from "../connections/registry-connections.ts";
import { learnBudget } from "../books/request-budget.ts";
import type { Group } from "../books/group.ts";
import type { Grant, Member, Wanting } from "../books/member.ts";
import { stripesLostWith } from "../source/failed-reader.ts";
import type { Turn } from "../turn.ts";

/** A piece that a parent sent and that is not as the table says. */
export type RefusedPiece = { readonly parent: Member; readonly piece: number };

/** A grant came to nothing: what it owed goes another way, and who is at fault is asked less. */
export function failGrant(turn: Turn, group: Group, member: Wanting, grant: Grant, failure: GrantFailure): RefusedPiece | undefined {
  const { peer } = member;
  let refused: RefusedPiece | undefined;
  switch (failure.code) {
    case "parent-lost":
    case "parent-silent":
    case "parent-refused":
    case "piece-refused":
      // A source that contradicts the table twice is no better than one that does not answer.
      if (grant.parent === undefined) restFromSource(turn, member, 0);
      else {
        if (failure.code === "piece-refused") refused = { parent: grant.parent, piece: failure.piece };
        blameParent(turn, member, grant.parent);
      }
      break;
    case "source-unavailable":
      noteSourceRefusal(turn, member);
      restFromSource(turn, member, failure.retryAfterMs);
      break;
    case "source-refused":
      peer.access = "none";
      break;
    case "source-limited":
      pauseRegistry(turn, member, failure.retryAfterMs);
      break;
    case "source-without-range":
      readWholeFromNowOn(turn, group, member, grant);
      break;
    case "disk-refused":
      peer.heldBackUntil = turn.now + turn.limits.avoidMs;
      break;
  }
  endGrant(turn, grant, false);
  if (isOfSource(failure.code)) for (const other of stripesLostWith(member, grant, failure.code)) endGrant(turn, other, true);
  if (failure.code === "disk-refused") for (const other of [...peer.grants.values()]) endGrant(turn, other, true);
  return refused;
}

function noteSourceRefusal({ memory, now }: Turn, { registry }: Member): void {
  const { connections, places, readers } = memory.registries.of(registry);
  noteRefusal(connections, readers, now);
  takeBackPlaces(places, now);
}

function isOfSource(code: GrantFailure["code"]): code is Extract<GrantFailure["code"], `source-${string}`> {
  return code.startsWith("source-");
}

/** Ends a grant; the rest of a stripe is to be read by somebody else at once. */
export function endGrant(turn: Turn, grant: Grant, tell: boolean): void {
  const pieces = drop(turn, grant, tell);
  if (grant.parent === undefined) for (const piece of pieces) turn.rescue.set(piece, grant.child);
}

/**
 * A source read of this peer broke: others try, it rests.
 *
 *     rest = max(retryAfter, min(maxSourceRestMs, sourceRestMs × 2^(failures − 1)))
 */
export function restFromSource(turn: Turn, member: Wanting, retryAfterMs: number): void {
  const { limits, now } = turn;
  const { peer } = member;
  peer.sourceFailures += 1;
  let rest = limits.sourceRestMs;
  for (let failure = 1; failure < peer.sourceFailures && rest < limits.maxSourceRestMs; failure++) rest *= 2;
  peer.sourceRestUntil = now + Math.max(boundedWait(retryAfterMs), Math.min(limits.maxSourceRestMs, rest));
}

/** The registry wants nobody to ask for a while: that holds for all. */
function pauseRegistry(turn: Turn, member: Wanting, retryAfterMs: number): void {
  const registry = turn.memory.registries.of(member.registry);
  learnBudget(registry.requests, retryAfterMs, turn.now);
  registry.pausedUntil = Math.max(registry.pausedUntil, turn.now + Math.max(turn.limits.sourceRestMs, boundedWait(retryAfterMs)));
}

/** The registry has no ranges: its stripes in progress end, one reader will stream the whole blob. */
function readWholeFromNowOn(turn: Turn, group: Group, member: Wanting, failed: Grant): void {
  const { sequential } = turn.swarm;
  if (sequential.size < turn.limits.maxRegistriesPerTask) sequential.add(member.registry);
  member.peer.sequential = true;
  for (const grant of [...group.stripes]) {
    if (grant !== failed && grant.child.registry === member.registry) endGrant(turn, grant, true);
  }
}

// A registry that asks for more than an hour's patience is asked again after an hour.
const MAX_WAIT_MS = 3_600_000;

function boundedWait(retryAfterMs: number): number {
  return Number.isFinite(retryAfterMs) ? Math.max(0, Math.min(MAX_WAIT_MS, retryAfterMs)) : 0;
}
