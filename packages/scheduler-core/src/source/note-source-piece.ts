import { beginSpan } from "../books/measured-rate.ts";
import type { Group } from "../books/group.ts";
import type { Grant, Member } from "../books/member.ts";
import { learnConnections } from "../books/registry-connections.ts";
import { learnFirstByte, type Registry } from "../books/registry-table.ts";
import type { Turn } from "../turn.ts";
import { connectionsFor, nobodyWaits } from "./choose-reader.ts";

/** A piece came from the source: the first one of a stripe shows the registry's first byte, and each what a connection brings. */
export function noteSourcePiece(turn: Turn, group: Group, member: Member, grant: Grant): void {
  const registry = turn.memory.registries.of(member.registry);
  const { readers, connections } = registry;
  const { pieceBytes } = turn.swarm;
  if (!nobodyWaits(group)) registry.readForAt = turn.now;
  const isFirst = grant.left === grant.promised;
  if (!isFirst) settleFirstByte(registry, turn.now - grant.progressAt);
  const since = isFirst ? firstByteAt(grant, registry) : grant.progressAt;
  if (isFirst) noteFirstPiece(turn, member, grant, registry);
  if (since === undefined || since >= turn.now) return;
  const most = Math.floor(connectionsFor(turn, member) / Math.max(1, readers));
  const leftBytes = group.coldPieces * pieceBytes;
  const told = member.peer?.connections ?? 0;
  learnConnections(connections, { reader: member.host.id, bytes: pieceBytes, since, leftBytes, told, readers, most }, turn.now);
}

/** When the first byte of a stripe came, as far as one can tell. */
function firstByteAt({ begunAt }: Grant, { firstByteMs = 0, unsettledMs }: Registry): number | undefined {
  return begunAt === undefined ? undefined : begunAt + (unsettledMs === undefined ? firstByteMs : 0);
}

/**
 * What a stripe waited for its first piece is the registry's first byte, and the piece's own time; it says nothing about the rate.
 *
 *     first byte = waited − piece / what one connection, or this host, brings; of the first stripes of all: − the time of a second piece
 */
function noteFirstPiece(turn: Turn, member: Member, grant: Grant, registry: Registry): void {
  const { fromSource } = member.host;
  const { bytesPerMs, trial } = registry.connections;
  // The next stripe is begun before the last piece of the one before it is here: then nobody knows when.
  const begunAt = grant.begunAt ?? Math.max(grant.progressAt, member.peer?.sourceProgressAt ?? 0);
  const waitedMs = turn.now - begunAt;
  if (registry.firstByteMs === undefined || registry.unsettledMs !== undefined) {
    registry.unsettledMs = Math.min(registry.unsettledMs ?? waitedMs, waitedMs);
    learnFirstByte(registry, waitedMs);
    return;
  }
  // With other connections beside it than before, nobody knows a piece's own time.
  if (trial !== undefined) return;
  const slowest = Math.min(bytesPerMs || Infinity, fromSource.bytesPerSecond / 1000 || Infinity);
  const firstByteMs = Math.max(0, waitedMs - Math.floor(turn.swarm.pieceBytes / slowest));
  // Where stripes overlap, the one before it had a part of the link.
  const overlaps = member.peer !== undefined && member.peer.connections > 1;
  if (!overlaps || firstByteMs > registry.firstByteMs) learnFirstByte(registry, firstByteMs);
  if (firstByteMs > turn.limits.runMs && member.peer?.stripes === 1) beginSpan(fromSource, turn.now);
}

function settleFirstByte(registry: Registry, pieceMs: number): void {
  if (registry.unsettledMs === undefined) return;
  registry.firstByteMs = registry.slowestFirstByteMs = Math.max(0, registry.unsettledMs - pieceMs);
  registry.unsettledMs = undefined;
}
