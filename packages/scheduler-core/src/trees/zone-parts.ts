import type { Member } from "../books/member.ts";
import { nearness } from "./nearness.ts";

/** One member's place in a tree. */
export type Place = {
  member: Member;
  parent: Place | undefined;
  readonly children: Place[];
  isInner: boolean;
  /** Where among the inner places of its zone it is, if it is one. */
  at: number;
};

/** The part of a tree in one zone: a tree of its own, with one way in. */
export type ZonePart = {
  readonly name: string;
  /** Inner places in the order of seating: a child comes after its parent. */
  readonly inner: Place[];
  readonly places: Set<Place>;
  /** The ways out of it: first places of other zones that hang here. */
  readonly fed: Set<Place>;
  /** Whether it feeds other zones in this tree; else it does in the other one. */
  isHome: boolean;
  /** How many children its inner places have. */
  children: number;
  /** How many its leaves have: they have room in another tree, where they are inner. */
  helped: number;
  /** No inner place before this one is free. */
  openFrom: number;
  /** No inner place before this one has room for another inner one. */
  roomFrom: number;
};

/** What trees side by side know of each other. */
export type Neighbours = {
  /** Who has room in another tree, in a zone. */
  helper(zone: string): Member | undefined;
  /** In how many trees a zone is home: so it shares its way out among them. */
  homesOf(zone: string): number;
  /** How many children a member has in the other trees: so many fewer it may have here. */
  childrenElsewhere(member: Member): number;
  /** How many members of a zone hang on leaves in the other trees. */
  helpedElsewhere(zone: string): number;
  /** A leaf has a child less: it has room again where it is inner. */
  leafFreed(member: Member): void;
};

/** An inner place has room again. */
export function hasRoomAt(part: ZonePart, at: number): void {
  part.openFrom = Math.min(part.openFrom, at);
  part.roomFrom = Math.min(part.roomFrom, at);
}

// A choice among this many zones is as near as among thousands.
const MAX_ZONES_COMPARED = 64;

/** The zones of one tree, and which of them feeds which. */
export class ZoneParts {
  readonly #fanOut: number;
  readonly #neighbours: Neighbours;
  readonly #zones = new Map<string, ZonePart>();
  /** Zones that feed others, in the order of seating. */
  readonly #homes: ZonePart[] = [];
  /** So many homes at the front feed as many other homes as they may, and so many as many zones. */
  #fullHomes = 0;
  #busyHomes = 0;

  constructor(fanOut: number, neighbours: Neighbours) {
    this.#fanOut = fanOut;
    this.#neighbours = neighbours;
  }

  get(zone: string): ZonePart | undefined {
    return this.#zones.get(zone);
  }

  /** The part a place belongs to, made with its first. */
  of({ member }: Place): ZonePart {
    const { zone } = member.host;
    let part = this.#zones.get(zone);
    if (part === undefined) {
      part = { name: zone, inner: [], places: new Set(), fed: new Set(), isHome: false, children: 0, helped: 0, openFrom: 0, roomFrom: 0 };
      this.#zones.set(zone, part);
    }
    return part;
  }

  /** How many zones feed others. */
  get homes(): number {
    return this.#homes.length;
  }

  /** A zone feeds others in this tree from now on. */
  becomeHome(part: ZonePart): void {
    part.isHome = true;
    this.#homes.push(part);
  }

  /** A place has one child more, or less. */
  count(child: Place, parent: Place, by: 1 | -1): void {
    const { zone } = parent.member.host;
    const part = this.#zones.get(zone);
    if (part !== undefined && parent.isInner) {
      part.children += by;
      if (by === -1) hasRoomAt(part, parent.at);
    } else if (part !== undefined) {
      part.helped += by;
      if (by === -1) this.#neighbours.leafFreed(parent.member);
    }
    if (child.member.host.zone === zone) return;
    if (by === 1) part?.fed.add(child);
    else part?.fed.delete(child);
    if (by === -1) this.#fullHomes = this.#busyHomes = 0;
  }

  forget(part: ZonePart): void {
    this.#zones.delete(part.name);
    if (!part.isHome) return;
    this.#homes.splice(this.#homes.indexOf(part), 1);
    this.#fullHomes = this.#busyHomes = 0;
  }

  /** The nearest of the first homes with room; where there is none the zone that feeds least. */
  toFeed(zone: ZonePart, isReachable: (place: Place | undefined) => boolean): ZonePart | undefined {
    let best: { readonly part: ZonePart; readonly near: number } | undefined;
    let compared = 0;
    for (let at = zone.isHome ? this.#fullHomes : this.#busyHomes; at < this.#homes.length && compared < MAX_ZONES_COMPARED; at++) {
      const part = this.#homes[at];
      if (part === undefined || part === zone) continue;
      if (!this.#hasRoomFor(zone, part)) {
        if (zone.isHome && at === this.#fullHomes) this.#fullHomes += 1;
        if (!zone.isHome && at === this.#busyHomes) this.#busyHomes += 1;
        continue;
      }
      if (!isReachable(part.inner[0])) continue;
      compared += 1;
      const near = nearness(part.name, zone.name);
      if (best === undefined || near > best.near) best = { part, near };
    }
    return best?.part ?? this.#feedsLeast(zone, isReachable);
  }

  #hasRoomFor(zone: ZonePart, part: ZonePart): boolean {
    const most = this.mostFed(part);
    if (part.fed.size < most || !zone.isHome) return part.fed.size < most;
    let homes = 0;
    for (const place of part.fed) if (this.of(place).isHome) homes += 1;
    return homes < most;
  }

  /** How many other zones a zone feeds in this tree, at most. */
  mostFed({ name }: ZonePart): number {
    return Math.max(1, Math.floor(this.#fanOut / Math.max(1, this.#neighbours.homesOf(name))));
  }

  #feedsLeast(zone: ZonePart, isReachable: (place: Place | undefined) => boolean): ZonePart | undefined {
    let least: ZonePart | undefined;
    for (const part of this.#zones.values()) {
      if (part === zone || !isReachable(part.inner[0])) continue;
      if (least === undefined || part.fed.size < least.fed.size) least = part;
    }
    return least;
  }
}
