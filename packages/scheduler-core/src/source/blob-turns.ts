import { isWanting, type Grant, type Member } from "../books/member.ts";
import type { Group } from "../books/group.ts";
import type { Registry } from "../books/registry-table.ts";
import { eachOf } from "../connections/registry-connections.ts";
import type { SourceQueue } from "../books/source-queue.ts";
import type { Swarm } from "../books/swarm.ts";
import { TREES } from "../trees/spread-trees.ts";
import type { Memory, Turn } from "../turn.ts";
import { nobodyWaits } from "./choose-reader.ts";

/** Hosts that are looked at: those of one image wait for all of its blobs, and a few are enough to see it. */
const HOSTS_ASKED = 4;
/** Nobody waits for a stripe that takes longer: it is a large one of a slow registry, or in trouble. */
const PATIENCE_MS = 4_000;
/** A long turn takes few messages, a short one keeps all blobs growing. */
const TURN_MS = 1_000;
/** Below the twelve seconds after which who was told that pieces will come helps itself. */
const ROUND_MS = 10_000;

/**
 * Whether it is a blob's turn to be read on: blobs that the same hosts wait for are read one after the other, as if they were one.
 *
 *     its turn ⇔ no such blob has waited longer (of the 32 that waited longest), and none is being read, or stripes being read of such blobs + its own ≤ places
 *     being read: half of it is still to come, unless its reader has more than it reads at once (nobody else waited then), or it takes 4 s already
 *     own    = min(trees × connections of a reader, cold pieces)
 *     places = max(trees × connections of a reader, what was learnt: `source-places.ts`) + rate × first byte / piece
 *
 * An image has many layers, and if each had its two readers at once the first pieces of all of them would come at the same time, late: until
 * then no host has anything to send. (Eight hosts of 25 Mbit/s, 16 layers of 4 MiB: 1.07 × the bound instead of 1.22; 64 of one piece: 1.16
 * instead of 2.88.)
 */
export function takesTurn({ memory, swarm, now }: Turn, group: Group): boolean {
  const { waiting } = memory.queue;
  const hasIt = hasTurn(memory, swarm, group, now);
  if (hasIt) waiting.delete(swarm);
  else waiting.add(swarm);
  return hasIt;
}

/** Whether a blob waits for its turn and goes on doing so: then nobody need be looked for who could read it. */
export function waitsOn({ memory, swarm, now }: Turn, group: Group): boolean {
  return memory.queue.waiting.has(swarm) && !hasTurn(memory, swarm, group, now);
}

/** The same, of a blob that may wait for it. */
export function hasTurn({ queue, registries }: Memory, swarm: Swarm, group: Group, now: number): boolean {
  const peers = group.someWaiting(HOSTS_ASKED);
  const [first] = peers;
  if (first === undefined) return true;
  for (const other of queue.next()) {
    if (other === swarm) break;
    if (areBothWanted(other, peers)) return false;
  }
  const registry = registries.of(first.registry);
  const places = placesOf(registry, swarm);
  let taken = Math.min(stripesAtOnce(registry), group.coldPieces);
  for (const other of queue.read) {
    if (other === swarm || !areBothWanted(other, peers)) continue;
    const read = stripesOf(other, first.registry, now);
    taken += read;
    if (read > 0 && taken > places) return false;
  }
  return true;
}

/** Blobs whose turn it may be now that something moved, who waited longest first: they are wanted by hosts of what moved. */
export function waitingBehind({ waiting, moved }: SourceQueue): Swarm[] {
  if (waiting.size === 0) return [];
  const peers = [...moved].flatMap(([swarm, reader]) => [
    reader,
    ...[...swarm.allGroups()].flatMap((group) => group.someWaiting(HOSTS_ASKED)),
  ]);
  return [...waiting].filter((swarm) => areBothWanted(swarm, peers));
}

/** Whether other blobs that the same hosts want wait for their turn. */
export function isShared(turn: Turn, group: Group): boolean {
  return othersWaiting(turn, group, 1) > 0;
}

/**
 * How far a blob is read on in its turn, in pieces, where that is more than a stripe of each reader; Infinity where no other one waits.
 *
 *     a piece of each reader                      the first time: no blob is to wait long for its first piece
 *     no more than a stripe                       where nobody waits for it: a third of what others get, for one host reads it
 *     rate of the registry × min(1 s, 10 s / blobs) else
 */
export function piecesInTurn(turn: Turn, group: Group, { flow }: Registry): number {
  const others = othersWaiting(turn, group, Infinity);
  if (others === 0) return Infinity;
  if (nobodyWaits(group)) return 0;
  const ms = Math.min(TURN_MS, ROUND_MS / (others + 1));
  return Math.floor((flow.bytesPerSecond * ms) / 1000 / turn.swarm.pieceBytes);
}

function othersWaiting({ memory, swarm }: Turn, group: Group, most: number): number {
  if (memory.queue.waiting.size === 0) return 0;
  const peers = group.someWaiting(HOSTS_ASKED);
  let others = 0;
  for (const other of memory.queue.next()) {
    if (other !== swarm && areBothWanted(other, peers)) others += 1;
    if (others >= most) break;
  }
  return others;
}

/** Whether one of these peers of a blob wants the other one, too, through the same registry. */
function areBothWanted(other: Swarm, peers: readonly Member[]): boolean {
  return peers.some(({ host, registry }) => {
    const member = other.members.get(host.id);
    return member?.registry === registry && isWanting(member);
  });
}

function placesOf(registry: Registry, { pieceBytes }: Swarm): number {
  const { places, flow, firstByteMs = 0 } = registry;
  const underWay = Math.round((flow.bytesPerSecond * firstByteMs) / 1000 / pieceBytes);
  return Math.max(stripesAtOnce(registry), places.count) + underWay;
}

/** How many stripes of one blob are read at once. */
function stripesAtOnce({ connections }: Registry): number {
  return TREES * eachOf(connections, TREES);
}

function stripesOf(swarm: Swarm, registry: string, now: number): number {
  let read = 0;
  for (const group of swarm.allGroups()) {
    for (const stripe of group.stripes) if (stripe.child.registry === registry && isBeingRead(stripe, now)) read += 1;
  }
  return read;
}

function isBeingRead({ left, promised, begunAt, child: { peer } }: Grant, now: number): boolean {
  if (begunAt === undefined || now > begunAt + PATIENCE_MS || 2 * left <= promised) return false;
  return peer !== undefined && peer.stripes <= peer.connections;
}
