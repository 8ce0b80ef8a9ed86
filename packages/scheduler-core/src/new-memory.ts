import { Deadlines } from "./books/deadlines.ts";
import { HostTable } from "./books/host-table.ts";
import { RegistryTable } from "./books/registry-table.ts";
import { SourceQueue } from "./books/source-queue.ts";
import { TaskTable } from "./books/task-table.ts";
import { TrustBook } from "./books/trust-book.ts";
import type { SchedulerLimits } from "./limits.ts";
import type { Memory } from "./turn.ts";

/** What a scheduler knows before anything happened. */
export function newMemory(limits: SchedulerLimits, random: () => number): Memory {
  return {
    limits,
    random,
    hosts: new HostTable(limits),
    registries: new RegistryTable(limits),
    tasks: new TaskTable(limits),
    deadlines: new Deadlines(),
    queue: new SourceQueue(),
    trust: new TrustBook(limits),
    restingTables: new Set(),
    lastGrant: 0,
    movingUntil: 0,
  };
}
