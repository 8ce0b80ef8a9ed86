import { pieceCount, pieceLength, taskId, type HostId, type Task, type TaskId } from "@darner/domain";
import type { Accusation, Evidence } from "./evidence.ts";
import { Group } from "./group.ts";
import { newMember, type Member } from "./member.ts";
import type { Host } from "./host-table.ts";

/** One task and all its members. */
export class Swarm {
  readonly task: Task;
  readonly id: TaskId;
  readonly pieces: number;
  readonly pieceBytes: number;
  readonly members: Map<HostId, Member> = new Map();
  /** By registry; once a proven table is complete, all that have shown bytes of it and do not contradict it are one. */
  readonly groups: Map<string, Group> = new Map();
  /** Registries whose groups joined the proven one; at most as many as a task may have groups, further ones show their bytes each time. */
  readonly joined: Set<string> = new Set();
  /** The group whose table gave bytes with the digest. */
  proven: Group | undefined;
  /** Registries that answer a Range with the whole blob. */
  readonly sequential: Set<string> = new Set();
  /** Hosts whose word on this blob contradicts another's: they help themselves until somebody proves who is right. */
  readonly doubted: Set<HostId> = new Set();
  /** Hosts whose proof failed: what fails for them after that is their own reading of the source. */
  readonly alarmed: Set<HostId> = new Set();
  /** Hosts that gave somebody a right piece of this blob. */
  readonly gave: Set<HostId> = new Set();
  /** Whom a host that claims pieces let down, as long as it gave nobody any; at most one entry a member, two children each. */
  readonly letDown: Map<HostId, Set<HostId>> = new Map();
  /** What was doubted, the oldest first; bounded by `maxEvidence`. */
  evidence: Evidence[] = [];
  /** Pieces that were refused, until a proof tells whose fault that was; bounded by `maxAccusations`. */
  accusations: Accusation[] = [];
  /** Pieces read from the source a second time because a reader waited. */
  hedgedSourcePieces = 0;
  /** When everything in it is looked over next. */
  lookAt: number | undefined;
  /** When something is due in it next. */
  wakeAt: number | undefined;

  constructor(task: Task) {
    this.task = task;
    this.id = taskId(task);
    this.pieces = pieceCount(task.size);
    this.pieceBytes = pieceLength(task.size);
  }

  /** The group a host that came through `registry` belongs to; undefined where the task has too many registries. */
  groupFor(registry: string, maxRegistries: number): Group | undefined {
    if (this.proven?.tableIsComplete === true && this.joined.has(registry)) return this.proven;
    const known = this.groups.get(registry);
    if (known !== undefined) return known;
    if (this.groups.size >= maxRegistries) return undefined;
    const group = new Group(this.pieces);
    this.groups.set(registry, group);
    return group;
  }

  /** No table is proven any more: every member goes back to the group of its registry. Nobody is promised or holds anything unproven then. */
  forgetProven(maxRegistries: number): Member[] {
    const { proven } = this;
    if (proven === undefined) return [];
    this.proven = undefined;
    this.joined.clear();
    const homeless: Member[] = [];
    for (const member of [...proven.members]) {
      const home = this.groupFor(member.registry, maxRegistries);
      if (home === proven) continue;
      proven.leave(member);
      if (home === undefined) homeless.push(member);
      else home.enter(member);
    }
    return homeless;
  }

  groupOf(member: Member): Group {
    const group = this.proven?.members.has(member) === true ? this.proven : this.groups.get(member.registry);
    if (group === undefined) throw new Error("a member belongs to no group");
    return group;
  }

  /** All groups, the proven one included once. */
  allGroups(): Set<Group> {
    const groups = new Set(this.groups.values());
    if (this.proven !== undefined) groups.add(this.proven);
    return groups;
  }

  /** Makes a host a member that holds nothing. */
  admit(host: Host, registry: string, group: Group): Member {
    const member = newMember(host, registry, this.pieces);
    this.members.set(host.id, member);
    host.tasks.add(this.id);
    group.enter(member);
    return member;
  }

  /** Forgets a member that holds nothing, wants nothing and feeds nobody. */
  dismiss(member: Member): void {
    const group = this.groupOf(member);
    group.leave(member);
    this.members.delete(member.host.id);
    member.host.tasks.delete(this.id);
    if (group.members.size > 0) return;
    for (const [registry, each] of this.groups) if (each === group) this.groups.delete(registry);
    if (group !== this.proven) return;
    this.proven = undefined;
    this.joined.clear();
  }
}
