import type { Group } from "./books/group.ts";
import { owed } from "./books/grant-book.ts";
import { isWanting, type Grant, type Member } from "./books/member.ts";
import { depthOf } from "./feeding/promise-chain.ts";
import type { Swarm } from "./books/swarm.ts";
import type { Memory } from "./turn.ts";

/** Throws where what a scheduler remembers contradicts itself, or a bound is passed. */
export function assertInvariants(memory: Memory): void {
  const { limits, tasks, hosts, registries } = memory;
  assert(hosts.size <= limits.maxHosts, "more hosts than maxHosts");
  assert(tasks.size <= limits.maxTasks, "more tasks than maxTasks");
  assert(memory.restingTables.size <= limits.maxRestingTables, "more tables at rest than maxRestingTables");
  assert(memory.trust.size <= Math.max(limits.maxSuspects, limits.maxStruck), "more suspects or struck blobs than there may be");
  const backlog = new Map<string, number>();
  const readers = new Map<string, number>();
  const reading = new Map<string, number>();
  for (const swarm of tasks.values()) {
    assert(swarm.members.size > 0, "a task without members");
    assert(swarm.members.size <= limits.maxMembersPerTask, "more members than maxMembersPerTask");
    assert(swarm.groups.size <= limits.maxRegistriesPerTask, "more groups than maxRegistriesPerTask");
    assert(swarm.evidence.length <= limits.maxEvidence, "more evidence than maxEvidence");
    assert(swarm.accusations.length <= limits.maxAccusations, "more accusations than maxAccusations");
    for (const host of swarm.doubted) assert(!swarm.members.has(host), "a host that is doubted takes part");
    for (const group of swarm.allGroups()) assertGroup(group);
    for (const member of swarm.members.values()) assertMember(memory, swarm, member, backlog, readers, reading);
    if ([...swarm.allGroups()].some((group) => group.waiting(1) > 0))
      assert(swarm.wakeAt !== undefined, "a waiting swarm is never looked over");
  }
  for (const host of hosts.values()) {
    assert(host.backlogBytes === (backlog.get(host.id) ?? 0), `backlog of ${host.id} is miscounted`);
    assert(host.blobsRead === (reading.get(host.id) ?? 0), `blobs that ${host.id} reads are miscounted`);
  }
  for (const swarm of memory.queue.waiting) assert(tasks.byId(swarm.id) === swarm, "a blob waits for its turn that nobody knows");
  for (const swarm of tasks.values()) {
    const isRead = [...swarm.allGroups()].some(({ stripes }) => stripes.size > 0);
    assert(isRead === memory.queue.read.has(swarm), "blobs that are read are miscounted");
  }
  for (const registry of registries.values()) {
    assert(registry.readers === (readers.get(registry.name) ?? 0), `readers of ${registry.name} are miscounted`);
    assert(registry.told >= registry.readers, `connections of ${registry.name} are miscounted`);
    assert(registry.readers > 0 || registry.told === 0, `connections of ${registry.name} are miscounted`);
    assert(registry.readers <= limits.maxConnectionsPerRegistry, `too many readers of ${registry.name}`);
  }
}

function assertGroup(group: Group): void {
  for (let piece = 0; piece < group.pieces; piece++) {
    let held = 0;
    let promised = 0;
    for (const member of group.members) {
      if (member.have.has(piece)) held += 1;
      if (member.peer?.promised[piece] !== undefined) promised += 1;
    }
    assert(held === group.held[piece], `held count of piece ${String(piece)} is wrong`);
    assert(promised === group.promised[piece], `promised count of piece ${String(piece)} is wrong`);
  }
  for (const piece of group.witnesses.keys()) assert(group.knows(piece), "a witness of no line");
  let without = 0;
  for (let piece = 0; piece < group.pieces; piece++) if ((group.held[piece] ?? 0) > 0 && !group.knows(piece)) without += 1;
  assert(without === group.heldWithoutLine, "heldWithoutLine is miscounted");
  for (const grant of group.stripes) assert(grant.left > 0 && group.members.has(grant.child), "a stripe without a reader");
  let cold = 0;
  for (let piece = 0; piece < group.pieces; piece++) {
    const grant = group.readingOf(piece);
    if (group.isCold(piece)) cold += 1;
    if (grant !== undefined) assert(grant.child.peer?.promised[piece] === grant, "a piece is read by nobody");
  }
  assert(cold === group.coldPieces && (cold === 0) === (group.firstCold() === undefined), "cold pieces are miscounted");
  for (const member of group.idle) assert(isWanting(member) && member.peer.promisedCount === 0, "an idle peer is promised something");
}

function assertMember(
  memory: Memory,
  swarm: Swarm,
  member: Member,
  backlog: Map<string, number>,
  readers: Map<string, number>,
  reading: Map<string, number>,
): void {
  const { host, peer } = member;
  const group = swarm.groupOf(member);
  assert(memory.hosts.get(host.id) === host && host.tasks.has(swarm.id), "a member whose host is unknown");
  assert(peer !== undefined || member.have.count > 0, "a member that holds and wants nothing");
  assert(!member.proven || member.have.isFull, "proven without every piece");
  for (const grant of member.feeding)
    assert(grant.left > 0 && grant.child.peer?.grants.get(grant.id) === grant, "feeds a grant that is over");
  if (peer === undefined) return;
  const isTold = !isWanting(member) || member.linesSent === group.lineLog.length || group.linesDueAt !== undefined;
  assert(isTold, "a peer waits for lines of the table that are never sent");
  assert(peer.needs.length <= memory.limits.maxNeedsPerPeer, "more needs than maxNeedsPerPeer");
  assert(peer.avoided.size <= memory.limits.maxAvoidedParents, "more avoided parents than maxAvoidedParents");
  assert(isWanting(member) || peer.grants.size === 0, "a complete peer is promised pieces");
  assert(group.idle.has(member) === (isWanting(member) && peer.promisedCount === 0), "the idle set is wrong");
  let promised = 0;
  let stripes = 0;
  for (const grant of peer.grants.values()) {
    promised += grant.left;
    assertGrant(group, grant);
    if (grant.parent === undefined) stripes += 1;
    else backlog.set(grant.parent.host.id, (backlog.get(grant.parent.host.id) ?? 0) + grant.left * swarm.pieceBytes);
  }
  assert(promised === peer.promisedCount, "promisedCount is wrong");
  assert(stripes === peer.stripes, "stripes are miscounted");
  if (stripes === 0) return;
  readers.set(member.registry, (readers.get(member.registry) ?? 0) + 1);
  reading.set(host.id, (reading.get(host.id) ?? 0) + 1);
}

function assertGrant(group: Group, grant: Grant): void {
  const pieces = owed(grant);
  assert(pieces.length === grant.left && grant.left > 0, "a grant owes another number of pieces than it says");
  assert(grant.parent === undefined || group.members.has(grant.parent), "a parent whose table the child does not follow");
  assert(grant.parent === undefined || grant.parent.feeding.has(grant), "a parent does not know its child");
  for (const piece of pieces) {
    assert(!grant.child.have.has(piece), "a piece is promised to who holds it");
    assert(isRooted(grant, piece), `nothing stands behind the promise of piece ${String(piece)}`);
  }
}

function isRooted(grant: Grant, piece: number): boolean {
  return grant.parent === undefined || depthOf(grant.parent, piece) !== undefined;
}

function assert(holds: boolean, broken: string): asserts holds {
  if (!holds) throw new Error(`broken invariant: ${broken}`);
}
