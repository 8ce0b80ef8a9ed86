import type { Member } from "../books/member.ts";

/**
 * Between zones there may be a thin link: nothing crosses it that would not have crossed anyway.
 *
 *     may give instead ⇔ zone(giver) = zone(child), or zone(parent before) ≠ zone(child)
 */
export function mayGiveInstead(giver: Member, before: Member, child: Member): boolean {
  const { zone } = child.host;
  return giver.host.zone === zone || before.host.zone !== zone;
}
