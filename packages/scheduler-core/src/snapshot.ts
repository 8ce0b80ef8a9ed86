import type { Digest, HostId, SteadyTime, Task } from "@darner/domain";
import { isWanting, type Member } from "./books/member.ts";
import type { Swarm } from "./books/swarm.ts";
import type { Memory } from "./turn.ts";

/** How one host stands, for people who look. */
export type HostView = {
  readonly host: HostId;
  readonly address: string;
  readonly zone: string;
  readonly seed: boolean;
  /** Tasks it holds pieces of or wants. */
  readonly tasks: number;
  /** Bytes others are promised from it. */
  readonly backlogBytes: number;
  /** Not chosen as a parent before this instant; 0 where it never was benched. */
  readonly benchedUntil: number;
};

/** How one task stands, for people who look. */
export type TaskView = {
  readonly task: Task;
  readonly pieces: number;
  /** Hosts that hold all of it, proven. */
  readonly proven: number;
  /** Hosts that want pieces they do not hold. */
  readonly waiting: number;
  /** Hosts that hold some of it. */
  readonly holders: number;
  /** Source reads in progress. */
  readonly stripes: number;
};

/** One host's part in a swarm, for people who look. */
export type MemberView = {
  readonly host: HostId;
  readonly registry: string;
  readonly held: number;
  readonly proven: boolean;
  /** Whether it waits for pieces it does not hold. */
  readonly waiting: boolean;
  /** Pieces it is to read from the source, and has not reported. */
  readonly reading: number;
  /** Who is to send it how many pieces that are still owed. */
  readonly from: readonly { readonly host: HostId; readonly pieces: number }[];
};

/** What a swarm holds, and who feeds whom. */
export type SwarmView = TaskView & { readonly members: readonly MemberView[]; readonly leftOut: number };

/** The swarms of a digest (one for each size it was claimed with), with at most `most` members each: who waits first, then who holds most. */
export function viewSwarms(memory: Memory, digest: Digest, most: number): SwarmView[] {
  const found: SwarmView[] = [];
  for (const swarm of memory.tasks.values()) {
    if (swarm.task.digest !== digest) continue;
    const members = [...swarm.members.values()].sort(
      (left, right) => Number(isWanting(right)) - Number(isWanting(left)) || right.have.count - left.have.count,
    );
    found.push({
      ...viewTask(swarm),
      members: members.slice(0, most).map(viewMember),
      leftOut: Math.max(0, members.length - most),
    });
  }
  return found;
}

function viewMember(member: Member): MemberView {
  const from = new Map<HostId, number>();
  let reading = 0;
  for (const { parent, left } of member.peer?.grants.values() ?? []) {
    if (parent === undefined) reading += left;
    else if (left > 0) from.set(parent.host.id, (from.get(parent.host.id) ?? 0) + left);
  }
  const { host, registry, have, proven } = member;
  const fed = [...from].map(([id, pieces]) => ({ host: id, pieces }));
  return { host: host.id, registry, held: have.count, proven, waiting: isWanting(member), reading, from: fed };
}

export function viewHosts(memory: Memory, time: SteadyTime): HostView[] {
  return Array.from(memory.hosts.values(), ({ id, address, zone, seed, tasks, backlogBytes, benchedUntil }) => ({
    host: id,
    address,
    zone,
    seed,
    tasks: tasks.size,
    backlogBytes,
    benchedUntil: benchedUntil === 0 ? 0 : time.clockAt(benchedUntil),
  }));
}

export function viewTasks(memory: Memory): TaskView[] {
  return Array.from(memory.tasks.values(), viewTask);
}

function viewTask(swarm: Swarm): TaskView {
  const members = [...swarm.members.values()];
  return {
    task: swarm.task,
    pieces: swarm.pieces,
    proven: members.filter((member) => member.proven).length,
    waiting: members.filter(isWanting).length,
    holders: members.filter((member) => member.have.count > 0).length,
    stripes: [...swarm.allGroups()].reduce((sum, group) => sum + group.stripes.size, 0),
  };
}
