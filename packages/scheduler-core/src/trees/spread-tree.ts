import type { Member } from "../books/member.ts";
import { givingWay, isInnerOf, isLeafOf, zonesBelow } from "./places-kept.ts";
import { isAtOrBelow, TreePlaces } from "./tree-places.ts";
import { hasRoomAt, type Neighbours, type Place, type ZoneParts, type ZonePart } from "./zone-parts.ts";

/**
 * A tree of inner members with `fanOut` children each, with everybody else as leaves on the free places, the highest first.
 * Each zone is a part of its own with one way in, so that a piece comes into it once:
 *
 *     parent(inner) = the first inner one of its zone with room, or with a child that is a leaf or of another zone: it goes below
 *     a zone is home in the tree its first member is inner in, and feeds fanOut others there, none in the other tree
 *     parent(first of its zone) = the first inner one of the nearest home zone with room that feeds no other zone and is free, or has a leaf
 *                                 that gives way, else the first that is free;
 *                                 a home zone also takes the place of one that is none, which goes below it
 *
 * Where places are short, a helper of the zone that has free places in its own tree takes a leaf here, too:
 *
 *     children of a member in all trees ≤ fanOut
 *
 * Three instead of two are a third of a link for each of them, and for all below.
 */
export class SpreadTree {
  readonly #fanOut: number;
  readonly #neighbours: Neighbours;
  readonly #places: TreePlaces;
  readonly #zones: ZoneParts;
  /** Pieces it was given to carry. */
  load = 0;

  constructor(fanOut: number, neighbours: Neighbours) {
    this.#fanOut = fanOut;
    this.#neighbours = neighbours;
    this.#places = new TreePlaces(fanOut, neighbours);
    this.#zones = this.#places.zones;
  }

  /** Who has another parent than before; emptied by who looks. */
  get moved(): Set<Member> {
    return this.#places.moved;
  }

  get size(): number {
    return this.#places.size;
  }

  get root(): Member | undefined {
    return this.#places.root?.member;
  }

  /** How many zones feed others. */
  get homes(): number {
    return this.#zones.homes;
  }

  isHomeOf(zone: string): boolean {
    return this.#zones.get(zone)?.isHome ?? false;
  }

  /** How many inner members there are. */
  get inner(): number {
    return this.#places.inner;
  }

  /** How many inner members a zone has. */
  innerIn(zone: string): number {
    return this.#zones.get(zone)?.inner.length ?? 0;
  }

  /** Free places of a zone; negative where some members have more children than they should. */
  freeIn(zone: string): number {
    const part = this.#zones.get(zone);
    if (part === undefined) return 0;
    return part.inner.length * this.#fanOut - part.children - this.#neighbours.helpedElsewhere(zone);
  }

  /** How many children a member has. */
  childrenOf(member: Member): number {
    return this.#places.get(member)?.children.length ?? 0;
  }

  /** How many children of a zone's leaves there are: those have room for them in another tree. */
  helpedIn(zone: string): number {
    return this.#zones.get(zone)?.helped ?? 0;
  }

  /** A member has a child less in another tree: it has room here again, where it is inner. */
  reopen(member: Member): void {
    const place = this.#places.get(member);
    if (place?.isInner === true) hasRoomAt(this.#zones.of(place), place.at);
  }

  parentOf(member: Member): Member | undefined {
    return this.#places.get(member)?.parent?.member;
  }

  /** Steps from the root. */
  depthOf(member: Member): number {
    let depth = 0;
    for (let at = this.#places.get(member)?.parent; at !== undefined; at = at.parent) depth += 1;
    return depth;
  }

  isInner(member: Member): boolean {
    return this.#places.get(member)?.isInner ?? false;
  }

  /** Gives a member an inner place, or a leaf's; the first of a zone passes on what the others get, whatever it asked for. */
  seat(member: Member, asInner: boolean): void {
    this.remove(member);
    const place = this.#places.add(member);
    const part = this.#zones.of(place);
    const [other] = part.places;
    part.places.add(place);
    if (other === undefined) this.#enter(part, place, asInner);
    else {
      if (part.inner.length === 0 && !asInner) this.#places.makeInner(part, other);
      if (part.inner.length === 0) this.#takeOver(part, place, other);
      else if (asInner) this.#seatInner(part, place);
      else this.#hangLeaf(part, place);
    }
    this.placeSurplus();
  }

  /** Takes a member out; the last inner member of its zone takes its place. */
  remove(member: Member): void {
    const place = this.#places.get(member);
    if (place === undefined) return;
    const part = this.#zones.of(place);
    this.#places.forget(place);
    const above = place.parent;
    this.#places.cut(place);
    const orphans = this.#places.detachChildren(place);
    const heir = place.isInner ? this.#heirOf(part, place, orphans) : undefined;
    if (heir !== undefined) this.#succeed(place, heir, above, orphans);
    this.#places.noLongerRoot(place);
    // Inner ones first: leaves may hang below them.
    for (const orphan of orphans.sort((left, right) => Number(right.isInner) - Number(left.isInner)))
      if (orphan !== heir) this.#rehang(orphan, heir);
    // What hung below an orphan was passed over meanwhile.
    hasRoomAt(part, 0);
    this.placeSurplus();
  }

  /** Two members of one zone take each other's place. */
  exchange(one: Member, other: Member): void {
    this.#places.exchange(one, other);
  }

  /** The first inner member of a zone with a free place. */
  openInner(zone: string): Member | undefined {
    const part = this.#zones.get(zone);
    return part === undefined ? undefined : this.#openPlace(part)?.member;
  }

  /** The member of a zone that gives up an inner place with the least change. */
  lastInner(zone: string): Member | undefined {
    return this.#zones.get(zone)?.inner.at(-1)?.member;
  }

  /** Every member after its parent. */
  downwards(): Generator<Member> {
    return this.#places.downwards();
  }

  /** The first of a zone: below another zone, or the root. */
  #enter(part: ZonePart, place: Place, asInner: boolean): void {
    const { root } = this.#places;
    if (asInner || root === undefined) {
      this.#places.makeInner(part, place);
      this.#zones.becomeHome(part);
    }
    if (root === undefined) this.#places.becomeRoot(place);
    else this.#hangCrossing(place);
  }

  /** How many children a member has at most, with those it has in the other trees. */
  #mostOf({ member }: Place): number {
    return this.#fanOut - this.#neighbours.childrenElsewhere(member);
  }

  /** An inner member takes the way into a zone from a leaf, which goes below it. */
  #takeOver(part: ZonePart, place: Place, leaf: Place): void {
    this.#places.makeInner(part, place);
    const above = leaf.parent;
    this.#places.cut(leaf);
    if (above !== undefined) this.#places.hang(place, above);
    for (const child of this.#places.detachChildren(leaf)) this.#places.hang(child, place);
    this.#places.hang(leaf, place);
  }

  #seatInner(part: ZonePart, place: Place): void {
    const above = this.#roomFor(part) ?? this.#leastOf(part);
    this.#places.makeInner(part, place);
    const below = givingWay(above, part.name, this.#fanOut);
    const displaced = below.slice(below.length - Math.min(below.length, Math.max(0, above.children.length + 1 - this.#mostOf(above))));
    for (const child of displaced) this.#places.cut(child);
    this.#places.hang(place, above);
    for (const child of displaced) this.#places.hang(child, place);
  }

  /** The first inner place that has room for another inner one. */
  #roomFor(part: ZonePart): Place | undefined {
    for (; part.roomFrom < part.inner.length; part.roomFrom += 1) {
      const place = part.inner[part.roomFrom];
      if (place === undefined) return undefined;
      if (place.children.length - givingWay(place, part.name, this.#fanOut).length < this.#mostOf(place)) return place;
    }
    return undefined;
  }

  #leastOf(part: ZonePart): Place {
    return part.inner.reduce((least, each) => (each.children.length <= least.children.length ? each : least));
  }

  /** Who takes an inner place that its owner left: the last inner one of the zone, else another of the zone, else of the root's children one. */
  #heirOf(part: ZonePart, place: Place, orphans: readonly Place[]): Place | undefined {
    const last = part.inner.pop();
    this.#places.inner -= 1;
    part.openFrom = 0;
    part.roomFrom = 0;
    if (last !== undefined && last !== place) {
      part.inner[place.at] = last;
      last.at = place.at;
      return last;
    }
    if (part.inner.length > 0) return undefined;
    const [leaf] = part.places;
    const heir = leaf ?? (this.#places.root === place ? (orphans.find(({ isInner }) => isInner) ?? orphans[0]) : undefined);
    if (heir !== undefined && !heir.isInner) this.#places.makeInner(this.#zones.of(heir), heir);
    return heir;
  }

  #succeed(place: Place, heir: Place, above: Place | undefined, orphans: Place[]): void {
    if (heir.parent !== undefined) {
      this.#places.cut(heir);
      if (heir.member.host.zone === place.member.host.zone) orphans.push(...this.#places.detachChildren(heir));
    }
    if (above !== undefined) this.#places.hang(heir, above);
    else this.#places.becomeRoot(heir);
  }

  #rehang(orphan: Place, heir: Place | undefined): void {
    const part = this.#zones.of(orphan);
    const isOfHeir = heir !== undefined && heir.children.length < this.#mostOf(heir);
    if (isOfHeir) this.#places.hang(orphan, heir);
    else if (isInnerOf(orphan, part.name) && heir !== undefined) this.#places.hang(orphan, heir);
    else if (this.#places.isBelowRoot(part.inner[0]) && part.inner[0] !== orphan) this.#hangLeaf(part, orphan);
    else this.#hangCrossing(orphan);
  }

  #hangLeaf(part: ZonePart, leaf: Place): void {
    const open = this.#openPlace(part);
    if (open !== undefined) {
      this.#places.hang(leaf, open);
      return;
    }
    this.#places.surplus.add(leaf);
    this.#places.hang(leaf, this.#placeOfHelper(part, leaf) ?? this.#leastOf(part));
  }

  #placeOfHelper(part: ZonePart, leaf: Place): Place | undefined {
    const helper = this.#neighbours.helper(part.name);
    const place = helper === undefined || helper === leaf.member ? undefined : this.#places.get(helper);
    if (place === undefined || place.children.length > 0) return undefined;
    return this.#places.isBelowRoot(place) ? place : undefined;
  }

  /** Hangs the first of a zone below another zone. */
  #hangCrossing(place: Place): void {
    const part = this.#zones.of(place);
    const from = this.#zones.toFeed(part, (other) => this.#places.isBelowRoot(other));
    if (from === undefined) return;
    const below =
      part.isHome && from.fed.size >= this.#zones.mostFed(from)
        ? [...from.fed].findLast((each) => !this.#zones.of(each).isHome)
        : undefined;
    const above = below?.parent;
    if (below === undefined || above === undefined) {
      this.#hangFrom(from, place);
      return;
    }
    this.#places.cut(below);
    this.#places.hang(place, above);
    this.#hangFrom(part, below);
  }

  #hangFrom(from: ZonePart, place: Place): void {
    const high = this.#highPlace(from);
    if (high !== undefined) {
      const leaf = high.children.length < this.#mostOf(high) ? undefined : high.children.findLast((child) => isLeafOf(child, from.name));
      if (leaf !== undefined) this.#places.cut(leaf);
      this.#places.hang(place, high);
      if (leaf !== undefined) this.#hangLeaf(from, leaf);
      return;
    }
    const open = this.#openPlace(from);
    if (open === undefined) this.#places.surplus.add(place);
    this.#places.hang(place, open ?? this.#placeOfHelper(from, place) ?? this.#leastOf(from));
  }

  /** The first inner place that feeds fewer zones than it has children and is free, or has a leaf that can give way. */
  #highPlace(part: ZonePart): Place | undefined {
    return part.inner.find((place) => {
      if (zonesBelow(place) >= this.#fanOut - 1 || !this.#places.isBelowRoot(place)) return false;
      return place.children.length < this.#mostOf(place) || place.children.some((child) => isLeafOf(child, part.name));
    });
  }

  /** Gives those that hang where none was free a place of their own, where there is one now. */
  placeSurplus(): void {
    const full = new Set<string>();
    for (const place of [...this.#places.surplus]) {
      const zone = place.parent?.member.host.zone;
      if (zone === undefined || full.has(zone)) continue;
      const part = this.#zones.get(zone);
      const open = part === undefined ? undefined : (this.#openPlace(part) ?? this.#placeOfHelper(part, place));
      if (open === undefined) {
        const helper = this.#neighbours.helper(zone);
        if (helper === place.member) this.#helpItself(place);
        // Thousands may hang where no place was: what nobody has for the first of them nobody has for the others.
        else if (helper === undefined || this.childrenOf(helper) > 0) full.add(zone);
        continue;
      }
      if (open === place.parent || isAtOrBelow(open, place)) continue;
      this.#places.cut(place);
      this.#places.hang(place, open);
    }
  }

  /** Who has no place, and room in another tree, takes a leaf beside it, or a zone. */
  #helpItself(place: Place): void {
    if (place.children.length > 0) return;
    const zone = place.member.host.zone;
    const other = place.parent?.children.find((each) => {
      const isOfOther = each.member.host.zone !== zone;
      return each !== place && (isOfOther || (!each.isInner && each.children.length === 0));
    });
    if (other === undefined) return;
    this.#places.cut(other);
    this.#places.hang(other, place);
    this.#places.surplus.delete(place);
  }

  #openPlace(part: ZonePart): Place | undefined {
    for (; part.openFrom < part.inner.length; part.openFrom += 1) {
      const place = part.inner[part.openFrom];
      if (place !== undefined && place.children.length < this.#mostOf(place) && this.#places.isBelowRoot(place)) return place;
    }
    return undefined;
  }
}
