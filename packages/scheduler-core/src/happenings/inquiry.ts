import type { PieceHash } from "@darner/domain";
import type { Evidence, Statement } from "../books/evidence.ts";
import type { Group } from "../books/group.ts";
import { drop } from "../books/grant-book.ts";
import { isWanting, type Member } from "../books/member.ts";
import type { Suspect } from "../books/trust-book.ts";
import type { Fault } from "../effect.ts";
import type { Turn } from "../turn.ts";
import { restFromSource } from "./failed-grant.ts";
import { distrustRefused, putLast } from "./put-last.ts";
import { condemnTable, dropGrants, forgetHave, restartMember } from "./restart-peer.ts";

// One word against another decides nothing: two hosts must have seen it for anybody else to bear it.
const QUORUM = 2;

/** Whether nothing is taken from a host on this blob: its word contradicted another's, or it was wrong too often. */
export function isDoubted({ swarm, memory, now }: Turn, host: Member["host"], registry: string): boolean {
  return swarm.doubted.has(host.id) || memory.trust.blockedUntil(host.id, registry) > now;
}

/**
 * Lines a member read from its source contradict known ones.
 *
 *     its own earlier ones, those of another registry, or proven twice → it follows the table
 *     those of another host through the same registry                  → one of the two is wrong: neither is heard on this blob any more
 *     those of a host that another one contradicted before             → that one was wrong: its table goes
 *
 * Who followed the line goes on: a host that lies must not cost others what is right.
 */
export function contradict(turn: Turn, group: Group, member: Member, lines: readonly PieceHash[]): void {
  const [line] = lines;
  if (line === undefined || weigh(turn, group, member, line.piece, line)) return;
  if (isWanting(member)) restFromSource(turn, member, 0);
  restartMember(turn, group, member);
}

/** A member read a piece from its source twice, and it is not what the table says: the same, but for what it read. */
export function contradictPiece(turn: Turn, group: Group, member: Member, piece: number): void {
  weigh(turn, group, member, piece, undefined);
}

/** Weighs a member's word against the table's; false where the table stands. */
function weigh(turn: Turn, group: Group, member: Member, piece: number, line: PieceHash | undefined): boolean {
  const { swarm } = turn;
  const provers = proversOf(group);
  const witness = group.witnesses.get(piece) ?? provers[0];
  if (!group.knows(piece) || witness === undefined || witness === member || witness.registry !== member.registry) return false;
  if (group === swarm.proven && provers.length >= QUORUM) {
    blame(turn, { host: member.host.id, registry: member.registry }, "wrong-table", true);
    return false;
  }
  if (swarm.doubted.has(witness.host.id)) {
    condemnWitness(turn, group, witness);
    return true;
  }
  const theirs = statementsOf(group).filter((each) => each.piece === piece);
  // What a host says it has proven it says of its own; any other line may be its registry's fault.
  const prover = witness.proven ? witness : undefined;
  note(turn, { alarm: undefined, prover, statements: line === undefined ? theirs : [{ ...line, by: member }, ...theirs] });
  for (const each of [member, witness]) name(turn, { host: each.host.id, registry: each.registry }, "contradiction", false);
  expel(turn, member);
  if (witness.proven) dethrone(turn, group, witness);
  else expel(turn, witness);
  return true;
}

/** A second host contradicts a host that is doubted already: it was that one. Its table goes, and who contradicted it first is heard again. */
function condemnWitness(turn: Turn, group: Group, witness: Member): void {
  const { swarm } = turn;
  const fault = witness.proven ? "false-proof" : "wrong-table";
  blame(turn, suspectOf(witness, fault), fault, true);
  for (const { statements } of swarm.evidence) {
    if (!statements.some(({ by }) => by === witness)) continue;
    for (const { by } of statements) if (by !== witness) swarm.doubted.delete(by.host.id);
  }
  condemnTable(turn, group);
}

/**
 * A member's proof failed. It begins again, from its own source; everybody else of its table does when a second host says the same,
 * or when there is nobody else. A table that two hosts have proven is right, and the host's own bytes are wrong.
 */
export function hearAlarm(turn: Turn, group: Group, member: Member): void {
  const { swarm } = turn;
  const provers = proversOf(group);
  if (group === swarm.proven && provers.length >= QUORUM) {
    restartMember(turn, group, member);
    blame(turn, { host: member.host.id }, "false-alarm", true);
    return;
  }
  const isStruck = isStruckNow(turn, group, member);
  group.alarms.add(member.host.id);
  note(turn, { alarm: member, prover: provers[0], statements: statementsOf(group) });
  const isAlone = [...group.members].every((other) => other === member || other.proven);
  if (!isStruck && group.alarms.size < QUORUM && !(isAlone && provers.length === 0)) {
    restartMember(turn, group, member);
    return;
  }
  condemnTable(turn, group);
  const [prover] = provers;
  if (prover !== undefined) dethrone(turn, group, prover);
}

/** A child refused a piece of this parent: whether parent, child or table is wrong shows when the blob is proven. */
export function noteRefusedPiece(turn: Turn, group: Group, child: Member, parent: Member, piece: number): void {
  const { swarm, limits } = turn;
  const line = statementsOf(group).find((each) => each.piece === piece);
  if (line === undefined) return;
  const isKnown = swarm.accusations.some(({ accused, accuser }) => accused === parent && accuser === child);
  if (!isKnown) swarm.accusations = [...swarm.accusations, { accused: parent, accuser: child, line }].slice(-limits.maxAccusations);
  distrustRefused(turn, parent);
  solve(turn, group);
}

/** Somebody proved the blob: what was doubted is compared with its table. One proof names who was wrong; two have consequences. */
export function solve(turn: Turn, group: Group): void {
  const { swarm } = turn;
  if (swarm.evidence.length + swarm.accusations.length === 0 || !group.tableIsComplete) return;
  const provers = proversOf(group);
  if (provers.length === 0) return;
  const isFinal = provers.length >= QUORUM;
  const suspects = new Map<Member, Fault>();
  for (const evidence of swarm.evidence) suspectsOf(group, evidence, suspects);
  for (const [by, fault] of suspects) blame(turn, suspectOf(by, fault), fault, isFinal);
  if (!isFinal) return;
  for (const { statements } of swarm.evidence) for (const { by } of statements) if (!suspects.has(by)) swarm.doubted.delete(by.host.id);
  swarm.evidence = [];
  for (const { accused, accuser, line } of swarm.accusations) {
    if (group.matches(line) === true) blame(turn, { host: accused.host.id }, "wrong-pieces", true, accuser.host.id);
  }
  swarm.accusations = [];
}

/** Who said something else than the proven table, or that this very table is wrong. */
function suspectsOf(group: Group, { alarm, prover, statements }: Evidence, suspects: Map<Member, Fault>): void {
  const wrong = statements.filter((line) => group.matches(line) === false);
  for (const { by } of wrong) {
    // Who raised the alarm over its own line was sent wrong bytes and said so.
    if (by !== alarm) suspects.set(by, by === prover ? "false-proof" : "wrong-table");
  }
  // An alarm over an earlier table may come when the next one has just begun.
  if (wrong.length === 0 && statements.length === group.pieces && alarm !== undefined) suspects.set(alarm, "false-alarm");
}

/** What a host said of a registry may be that registry's fault, and counts for it only; its own proof is its own. */
function suspectOf({ host, registry }: Member, fault: Fault): Suspect {
  return fault === "wrong-table" ? { host: host.id, registry } : { host: host.id };
}

/** Names who was wrong; with consequences where two hosts have seen it. */
function blame(turn: Turn, suspect: Suspect, fault: Fault, isFinal: boolean, occasion: string = turn.swarm.id): void {
  const { memory, swarm, now } = turn;
  const blocked = isFinal && memory.trust.mark(suspect, occasion, now);
  name(turn, suspect, fault, blocked);
  if (!blocked) return;
  const member = swarm.members.get(suspect.host);
  if (suspect.registry === undefined) {
    const host = memory.hosts.get(suspect.host);
    if (host !== undefined) host.benchedUntil = Math.max(host.benchedUntil, memory.trust.blockedUntil(suspect.host, ""));
  }
  if (member === undefined || member.proven) return;
  if (fault === "wrong-pieces") putLast(turn, member);
  else expel(turn, member);
}

function name({ effects, swarm }: Turn, { host, registry }: Suspect, fault: Fault, blocked: boolean): void {
  effects.push({ type: "name-fault", host, task: swarm.task, fault, registry: registry ?? "", blocked });
}

/**
 * Only what a host read itself speaks against the registry: the second failed proof of a host, or one of a table that it told alone.
 * Says whether the registry is struck by it for everybody.
 */
function isStruckNow({ memory, swarm, now, effects }: Turn, group: Group, { host, registry }: Member): boolean {
  const { trust } = memory;
  const isOwn = swarm.alarmed.has(host.id) || (group.witnesses.size > 0 && [...group.witnesses.values()].every((by) => by.host === host));
  swarm.alarmed.add(host.id);
  if (!isOwn) return false;
  const before = trust.isStruckForAll(swarm.id, registry, now);
  trust.noteFailure(swarm.id, registry, host.id, now);
  if (before || !trust.isStruckForAll(swarm.id, registry, now)) return false;
  effects.push({ type: "name-fault", host: host.id, task: swarm.task, fault: "registry-wrong-bytes", registry, blocked: true });
  return true;
}

/** The only host that had proven this table is not believed: the table is nobody's proof any more, and everybody goes back to its own registry's. */
function dethrone(turn: Turn, group: Group, prover: Member): void {
  const { swarm, limits } = turn;
  if (swarm.members.get(prover.host.id) === prover) expel(turn, prover);
  condemnTable(turn, group);
  if (swarm.proven !== group) return;
  for (const homeless of swarm.forgetProven(limits.maxRegistriesPerTask)) expel(turn, homeless);
}

/** The host has no part in this swarm any more: nothing is taken from it, and it is told to help itself. */
function expel(turn: Turn, { host }: Member): void {
  const { swarm, effects } = turn;
  swarm.doubted.add(host.id);
  const member = swarm.members.get(host.id);
  if (member === undefined) return;
  const wanted = member.peer !== undefined;
  dropGrants(turn, member, true);
  forgetHave(turn, swarm.groupOf(member), member);
  for (const grant of [...member.feeding]) drop(turn, grant, true);
  member.peer = undefined;
  turn.touched.delete(member);
  turn.loose.delete(member);
  swarm.dismiss(member);
  if (wanted) effects.push({ type: "tell-standing", host: member.host.id, task: swarm.task, standing: "starved", retryAfterMs: 0 });
}

function note(turn: Turn, evidence: Evidence): void {
  turn.swarm.evidence = [...turn.swarm.evidence, evidence].slice(-turn.limits.maxEvidence);
}

function statementsOf(group: Group): Statement[] {
  const provers = proversOf(group);
  return group.table().flatMap((line): Statement[] => {
    // A table at rest is vouched for by who has proven it.
    const by = group.witnesses.get(line.piece) ?? provers[0];
    return by === undefined ? [] : [{ ...line, by }];
  });
}

function proversOf(group: Group): Member[] {
  return [...group.members].filter(({ proven }) => proven);
}
