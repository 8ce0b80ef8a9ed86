import type { Group } from "./group.ts";
import type { Turn } from "../turn.ts";

/** Keeps the tables of groups at rest within their bound: the one longest at rest that can be asked for again is forgotten. */
export function restTable(turn: Turn, group: Group): void {
  const { restingTables } = turn.memory;
  restingTables.delete(group);
  if (group.lines === 0 || group.members.size === 0 || group.waiting(1) > 0) return;
  restingTables.add(group);
  group.forgetSaid();
  // A proven table is vouched for by who proved it.
  if (group === turn.swarm.proven) group.witnesses.clear();
  if (restingTables.size <= turn.limits.maxRestingTables) return;
  for (const oldest of restingTables) {
    restingTables.delete(oldest);
    oldest.forgetTable();
    return;
  }
}
