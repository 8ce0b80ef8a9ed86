import { SteadyTime, type Digest, type PieceSet, type Task } from "@darner/domain";
import type { SchedulerEffect } from "./effect.ts";
import type { SchedulerEvent } from "./event.ts";
import { failGrant } from "./happenings/failed-grant.ts";
import { announceBlob, dropBlob, loseMember } from "./happenings/holder-events.ts";
import { contradictPiece, noteRefusedPiece } from "./happenings/inquiry.ts";
import type { Host } from "./books/host-table.ts";
import { assertInvariants } from "./invariants.ts";
import type { SchedulerLimits } from "./limits.ts";
import { lookOver } from "./feeding/look-over.ts";
import { isWanting, type Member } from "./books/member.ts";
import { closePeer, noteFailedProof, notePiecesNeeded, notePiecesVerified, noteTable, openPeer } from "./happenings/peer-events.ts";
import { awaitMoving } from "./happenings/moving-hosts.ts";
import { noteProof } from "./happenings/prove-table.ts";
import { hasTurn, waitingBehind } from "./source/blob-turns.ts";
import { settle } from "./settle.ts";
import { viewHosts, viewSwarms, viewTasks, type HostView, type SwarmView, type TaskView } from "./snapshot.ts";
import type { Swarm } from "./books/swarm.ts";
import { newMemory } from "./new-memory.ts";
import { Turn, type Memory } from "./turn.ts";

/** Decides who feeds whom, over all tasks. Pure: told the time (milliseconds), handed the dice (`random` in [0, 1)). */
export class Scheduler {
  readonly #memory: Memory;
  readonly #time: SteadyTime = new SteadyTime();

  constructor(limits: SchedulerLimits, random: () => number) {
    this.#memory = newMemory(limits, random);
  }

  /** The only door: what happened, and when; what is to be done about it. Events that name unknown hosts, tasks or grants have no effect. */
  handle(event: SchedulerEvent, clock: number): SchedulerEffect[] {
    const now = this.#time.read(clock, this.#memory.deadlines.next());
    const effects: SchedulerEffect[] = [];
    switch (event.type) {
      case "host-joined":
        this.#loseHost(event.host, now, effects);
        this.#memory.hosts.join(event.host, event.address, event.zone, event.seed);
        break;
      case "host-lost":
        this.#loseHost(event.host, now, effects);
        break;
      case "time-passed":
        this.#passTime(now, effects);
        break;
      case "hosts-moving":
        awaitMoving(this.#memory, event.forMs, now);
        break;
      case "blob-announced":
      case "peer-opened":
        this.#takeWord(event, now, effects);
        break;
      case "blob-dropped":
      case "peer-closed":
      case "pieces-needed":
      case "pieces-verified":
      case "table-told":
      case "grant-failed":
      case "blob-proven":
      case "proof-failed":
        this.#hearMember(event, now, effects);
    }
    this.#passTurns(now, effects);
    return effects;
  }

  /** When `time-passed` is due next; undefined while nobody waits for anything. */
  nextDeadline(): number | undefined {
    const next = this.#memory.deadlines.next();
    return next === undefined ? undefined : this.#time.clockAt(next);
  }

  /** Throws where an invariant is broken; looks at everything. */
  checkInvariants(): void {
    assertInvariants(this.#memory);
  }

  /** Every host with a session, as it stands now. */
  hosts(): HostView[] {
    return viewHosts(this.#memory, this.#time);
  }

  /** Every task with a member, as it stands now. */
  tasks(): TaskView[] {
    return viewTasks(this.#memory);
  }

  /** What the swarms of a digest hold and who feeds whom, with at most `most` hosts each. */
  swarms(digest: Digest, most: number): SwarmView[] {
    return viewSwarms(this.#memory, digest, most);
  }

  /** What a host holds of a blob, as it is known here; undefined where it has no part in it. */
  have(host: Host["id"], task: Task): PieceSet | undefined {
    return this.#memory.tasks.get(task)?.members.get(host)?.have.clone();
  }

  /** Whether a host holds the blob of a task whole and proven. */
  holds(host: Host["id"], task: Task): boolean {
    return this.#memory.tasks.get(task)?.members.get(host)?.proven === true;
  }

  #loseHost(id: Host["id"], now: number, effects: SchedulerEffect[]): void {
    const host = this.#memory.hosts.get(id);
    if (host === undefined) return;
    for (const task of [...host.tasks]) {
      const swarm = this.#memory.tasks.byId(task);
      const member = swarm?.members.get(id);
      if (swarm !== undefined && member !== undefined) this.#turn(swarm, now, effects, (turn) => loseMember(turn, member));
    }
    this.#memory.hosts.delete(id);
  }

  #passTime(now: number, effects: SchedulerEffect[]): void {
    for (let swarm = this.#memory.deadlines.due(now); swarm !== undefined; swarm = this.#memory.deadlines.due(now)) {
      this.#turn(swarm, now, effects, lookOver);
    }
  }

  /** Where the source has room again those blobs are read on that waited longest. */
  #passTurns(now: number, effects: SchedulerEffect[]): void {
    const { queue } = this.#memory;
    if (queue.moved.size === 0) return;
    const behind = waitingBehind(queue);
    queue.moved.clear();
    for (const swarm of behind) {
      if (![...swarm.allGroups()].some((group) => hasTurn(this.#memory, swarm, group, now))) continue;
      this.#turn(swarm, now, effects, () => undefined);
      queue.waiting.delete(swarm);
    }
  }

  #takeWord(event: Extract<SchedulerEvent, { type: "blob-announced" | "peer-opened" }>, now: number, effects: SchedulerEffect[]): void {
    const host = this.#memory.hosts.get(event.host);
    if (host === undefined) return;
    const swarm = this.#memory.tasks.open(event.task);
    if (swarm === undefined) {
      if (event.type === "peer-opened") effects.push(refusal(host, event.task));
      return;
    }
    this.#turn(swarm, now, effects, (turn) =>
      event.type === "peer-opened" ? openPeer(turn, host, event) : announceBlob(turn, host, event),
    );
  }

  #hearMember(event: MemberEvent, now: number, effects: SchedulerEffect[]): void {
    const swarm = this.#memory.tasks.get(event.task);
    const member = swarm?.members.get(event.host);
    if (swarm !== undefined && member !== undefined) this.#turn(swarm, now, effects, (turn) => applyToMember(turn, member, event));
  }

  #turn(swarm: Swarm, now: number, effects: SchedulerEffect[], happen: (turn: Turn) => void): void {
    const turn = new Turn(this.#memory, now, swarm, effects);
    happen(turn);
    settle(turn);
    if (swarm.members.size > 0) return;
    for (const group of swarm.allGroups()) this.#memory.restingTables.delete(group);
    this.#memory.queue.forget(swarm);
    this.#memory.deadlines.cancel(swarm);
    this.#memory.tasks.delete(swarm);
  }
}

type MemberEvent = Exclude<
  SchedulerEvent,
  { type: "host-joined" | "host-lost" | "hosts-moving" | "time-passed" | "blob-announced" | "peer-opened" }
>;

function applyToMember(turn: Turn, member: Member, event: MemberEvent): void {
  const group = turn.swarm.groupOf(member);
  switch (event.type) {
    case "blob-dropped": {
      dropBlob(turn, member);
      return;
    }
    case "peer-closed": {
      closePeer(turn, member);
      return;
    }
    case "pieces-needed": {
      notePiecesNeeded(turn, member, event.run);
      return;
    }
    case "pieces-verified": {
      notePiecesVerified(turn, member, event.pieces, event.hashes);
      return;
    }
    case "table-told": {
      noteTable(turn, member, event.hashes);
      return;
    }
    case "blob-proven": {
      noteProof(turn, group, member);
      return;
    }
    case "proof-failed": {
      noteFailedProof(turn, member);
      return;
    }
    case "grant-failed": {
      const grant = member.peer?.grants.get(event.grant);
      if (grant === undefined || !isWanting(member)) return;
      const { parent } = grant;
      const refused = failGrant(turn, group, member, grant, event.failure);
      if (parent === undefined && event.failure.code === "piece-refused") contradictPiece(turn, group, member, event.failure.piece);
      if (refused !== undefined) noteRefusedPiece(turn, group, member, refused.parent, refused.piece);
    }
  }
}

function refusal(host: Host, task: Task): SchedulerEffect {
  return { type: "tell-standing", host: host.id, task, standing: "starved", retryAfterMs: 0 };
}
