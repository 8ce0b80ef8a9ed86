import type { Place } from "./zone-parts.ts";

/**
 * The children of an inner place that give way to an inner one of its zone: they go below it.
 *
 *     kept = inner ones of its zone, and the first fanOut − 1 zones
 *
 * A zone that hangs low in another one gets everything late, and so do all below it: 20 racks of fifty are 15 steps deep instead of 29.
 */
export function givingWay(place: Place, zone: string, fanOut: number): Place[] {
  let zones = 0;
  return place.children.filter((child) => {
    if (child.member.host.zone !== zone) return (zones += 1) > fanOut - 1;
    return !child.isInner;
  });
}

/** How many zones a place feeds. */
export function zonesBelow({ member, children }: Place): number {
  return children.filter((child) => child.member.host.zone !== member.host.zone).length;
}

export function isInnerOf({ isInner, member }: Place, zone: string): boolean {
  return isInner && member.host.zone === zone;
}

export function isLeafOf({ isInner, member }: Place, zone: string): boolean {
  return !isInner && member.host.zone === zone;
}
