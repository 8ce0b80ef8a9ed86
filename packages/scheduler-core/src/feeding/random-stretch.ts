import type { Group } from "../books/group.ts";
import type { Member } from "../books/member.ts";
import type { Turn } from "../turn.ts";

/** Members that stand one after the other in their group, from a random one on: as many as are compared in a choice, each once. */
export function randomStretch({ limits, memory }: Turn, group: Group): readonly Member[] {
  const members = group.list();
  const from = Math.floor(memory.random() * members.length);
  const end = from + Math.min(members.length, limits.maxParentsCompared);
  return end <= members.length ? members.slice(from, end) : [...members.slice(from), ...members.slice(0, end - members.length)];
}
