import type { HostId, SteadyTime, Task } from "@darner/domain";
import { isWanting } from "./books/member.ts";
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
  return Array.from(memory.tasks.values(), (swarm) => {
    const members = [...swarm.members.values()];
    return {
      task: swarm.task,
      pieces: swarm.pieces,
      proven: members.filter((member) => member.proven).length,
      waiting: members.filter(isWanting).length,
      holders: members.filter((member) => member.have.count > 0).length,
      stripes: [...swarm.allGroups()].reduce((sum, group) => sum + group.stripes.size, 0),
    };
  });
}
