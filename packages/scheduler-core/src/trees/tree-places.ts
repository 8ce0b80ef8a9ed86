import type { Member } from "../books/member.ts";
import { ZoneParts, type Neighbours, type Place, type ZonePart } from "./zone-parts.ts";

/** The places of one tree and what hangs where. It moves them, and keeps account; where a member is to hang is `spread-tree.ts`. */
export class TreePlaces {
  readonly zones: ZoneParts;
  readonly #places = new Map<Member, Place>();
  /** Who has another parent than before; emptied by who looks. */
  readonly moved: Set<Member> = new Set();
  /** Places that hang where none was free. */
  readonly surplus: Set<Place> = new Set();
  /** How many inner members there are. */
  inner = 0;
  #root: Place | undefined;

  constructor(fanOut: number, neighbours: Neighbours) {
    this.zones = new ZoneParts(fanOut, neighbours);
  }

  get root(): Place | undefined {
    return this.#root;
  }

  get size(): number {
    return this.#places.size;
  }

  get(member: Member): Place | undefined {
    return this.#places.get(member);
  }

  /** Gives a member a place that hangs nowhere yet. */
  add(member: Member): Place {
    const place: Place = { member, parent: undefined, children: [], isInner: false, at: 0 };
    this.#places.set(member, place);
    return place;
  }

  /** Forgets a place, but for what hangs below it. */
  forget(place: Place): void {
    this.#places.delete(place.member);
    const part = this.zones.of(place);
    part.places.delete(place);
    if (part.places.size === 0) this.zones.forget(part);
    this.moved.delete(place.member);
  }

  /** What everything hangs from, from now on. */
  becomeRoot(place: Place): void {
    this.#root = place;
    this.moved.add(place.member);
  }

  /** Nothing is left to hang from where this was the root. */
  noLongerRoot(place: Place): void {
    if (this.#root === place) this.#root = undefined;
  }

  makeInner(part: ZonePart, place: Place): void {
    place.isInner = true;
    place.at = part.inner.length;
    part.inner.push(place);
    part.children += place.children.length;
    part.helped -= place.children.length;
    this.inner += 1;
  }

  hang(child: Place, parent: Place): void {
    child.parent = parent;
    parent.children.push(child);
    // A leaf helps out as long as its zone has no room of its own.
    if (!parent.isInner) this.surplus.add(child);
    this.moved.add(child.member);
    this.zones.count(child, parent, 1);
  }

  cut(child: Place): void {
    const { parent } = child;
    this.surplus.delete(child);
    if (parent === undefined) return;
    parent.children.splice(parent.children.indexOf(child), 1);
    child.parent = undefined;
    this.zones.count(child, parent, -1);
  }

  detachChildren(place: Place): Place[] {
    const children = [...place.children];
    for (const child of children) this.cut(child);
    return children;
  }

  /** Two members of one zone take each other's place. */
  exchange(one: Member, other: Member): void {
    const [from, to] = [this.#places.get(one), this.#places.get(other)];
    if (from === undefined || to === undefined) return;
    [from.member, to.member] = [other, one];
    this.#places.set(one, to).set(other, from);
    for (const place of [from, to]) for (const { member } of [place, ...place.children]) this.moved.add(member);
  }

  /** Whether a place hangs from the root, or is it. */
  isBelowRoot(place: Place | undefined): boolean {
    let at = place;
    while (at?.parent !== undefined) at = at.parent;
    return at !== undefined && at === this.#root;
  }

  /** Every member after its parent. */
  *downwards(): Generator<Member> {
    if (this.#root === undefined) return;
    const queue: Place[] = [this.#root];
    for (const place of queue) {
      yield place.member;
      queue.push(...place.children);
    }
  }
}

/** Whether a place is another one, or hangs from it: what is hung below itself hangs from nothing any more. */
export function isAtOrBelow(place: Place, other: Place): boolean {
  for (let at: Place | undefined = place; at !== undefined; at = at.parent) if (at === other) return true;
  return false;
}
