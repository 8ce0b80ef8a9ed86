import type { Deadlines } from "./books/deadlines.ts";
import type { SchedulerEffect } from "./effect.ts";
import type { GrantId } from "./grant.ts";
import type { Group } from "./books/group.ts";
import type { HostTable } from "./books/host-table.ts";
import type { SchedulerLimits } from "./limits.ts";
import type { Member } from "./books/member.ts";
import type { RegistryTable } from "./books/registry-table.ts";
import type { SourceQueue } from "./books/source-queue.ts";
import type { Swarm } from "./books/swarm.ts";
import type { TaskTable } from "./books/task-table.ts";
import type { TrustBook } from "./books/trust-book.ts";

/** Everything a scheduler remembers. */
export type Memory = {
  readonly limits: SchedulerLimits;
  readonly random: () => number;
  readonly hosts: HostTable;
  readonly registries: RegistryTable;
  readonly tasks: TaskTable;
  readonly deadlines: Deadlines;
  readonly queue: SourceQueue;
  readonly trust: TrustBook;
  /** Groups nobody waits in that still have their table, the longest at rest first. */
  readonly restingTables: Set<Group>;
  lastGrant: GrantId;
  /** Until then hosts that come from another scheduler are waited for. */
  movingUntil: number;
};

/** One swarm's part in the handling of one event: what the rules read, change and say. */
export class Turn {
  readonly memory: Memory;
  readonly limits: SchedulerLimits;
  readonly now: number;
  readonly swarm: Swarm;
  readonly effects: SchedulerEffect[];
  /** Peers to be looked after before the turn ends. */
  readonly touched: Set<Member> = new Set();
  /** Members that lost promises or pieces others were promised from them. */
  readonly loose: Set<Member> = new Set();
  /** Pieces whose source read came to nothing: to be read by another reader at once. */
  readonly rescue: Map<number, Member> = new Map();

  constructor(memory: Memory, now: number, swarm: Swarm, effects: SchedulerEffect[]) {
    this.memory = memory;
    this.limits = memory.limits;
    this.now = now;
    this.swarm = swarm;
    this.effects = effects;
  }
}
