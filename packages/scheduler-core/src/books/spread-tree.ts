import type { Member } from "./member.ts";

/** One member's place in a tree. */
type Place = { readonly member: Member; parent: Place | undefined; readonly children: Place[]; index: number };

// No number of an inner place.
const LEAF = -1;

/**
 * A complete tree of inner members, numbered level by level, with everybody else as leaves on the free places, the highest first.
 *
 *     parent(inner i) = inner ⌊(i − 1) / fanOut⌋;  places = inner × fanOut
 *
 * Where places are short, a helper that has free places in its own tree takes a leaf here, too.
 */
export class SpreadTree {
  readonly #fanOut: number;
  readonly #places = new Map<Member, Place>();
  readonly #inner: Place[] = [];
  /** No inner place before this one is free. */
  #openFrom = 0;
  /** Leaves that hang where no place was free. */
  readonly #surplus = new Set<Place>();
  /** Who has another parent than before; emptied by who looks. */
  readonly moved: Set<Member> = new Set();
  /** Pieces it was given to carry. */
  load = 0;

  readonly #helper: () => Member | undefined;

  constructor(fanOut: number, helper: () => Member | undefined) {
    this.#fanOut = fanOut;
    this.#helper = helper;
  }

  get inner(): number {
    return this.#inner.length;
  }

  get size(): number {
    return this.#places.size;
  }

  get root(): Member | undefined {
    return this.#inner[0]?.member;
  }

  /** Free places; negative where some members have more children than they should. */
  get free(): number {
    return this.#inner.length * this.#fanOut - Math.max(0, this.#places.size - 1);
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
    return (this.#places.get(member)?.index ?? LEAF) !== LEAF;
  }

  /** Gives a member an inner place, or a leaf's; a tree's first member is its root whatever it asked for. */
  seat(member: Member, asInner: boolean): void {
    this.remove(member);
    const place: Place = { member, parent: undefined, children: [], index: LEAF };
    this.#places.set(member, place);
    if (asInner || this.#inner.length === 0) this.#seatInner(place);
    else this.#hangLeaf(place);
  }

  /** Takes a member out; the last inner member takes its place. */
  remove(member: Member): void {
    const place = this.#places.get(member);
    if (place === undefined) return;
    this.#places.delete(member);
    this.moved.delete(member);
    this.#cut(place);
    const orphans = place.index === LEAF ? place.children.splice(0) : this.#vacate(place);
    for (const orphan of orphans) {
      if (this.#inner.length === 0) this.#seatInner(orphan);
      else this.#hangLeaf(orphan);
    }
    this.#placeSurplus();
  }

  /** The member that gives up an inner place with the least change. */
  lastInner(): Member | undefined {
    return this.#inner.at(-1)?.member;
  }

  /** Every member after its parent. */
  *downwards(): Generator<Member> {
    const [root] = this.#inner;
    if (root === undefined) return;
    const queue: Place[] = [root];
    for (const place of queue) {
      yield place.member;
      queue.push(...place.children);
    }
  }

  #seatInner(place: Place): void {
    place.index = this.#inner.length;
    this.#inner.push(place);
    if (place.index === 0) {
      this.#openFrom = 0;
      return;
    }
    const above = this.#inner[Math.floor((place.index - 1) / this.#fanOut)];
    if (above === undefined) return;
    const leaves = above.children.filter((child) => child.index === LEAF);
    const displaced = leaves.slice(leaves.length - Math.max(0, above.children.length + 1 - this.#fanOut));
    for (const leaf of displaced) this.#cut(leaf);
    this.#hang(place, above);
    for (const leaf of displaced) this.#hang(leaf, place);
    this.#openFrom = Math.min(this.#openFrom, place.index);
    this.#placeSurplus();
  }

  /** Empties an inner place for its last inner member; gives back the leaves without a parent. */
  #vacate(place: Place): Place[] {
    const last = this.#inner.pop();
    this.#openFrom = 0;
    if (last === undefined || last === place) return place.children.splice(0);
    const orphans = last.children.splice(0);
    this.#cut(last);
    last.index = place.index;
    this.#inner[last.index] = last;
    const above = last.index === 0 ? undefined : this.#inner[Math.floor((last.index - 1) / this.#fanOut)];
    if (above === undefined) this.moved.add(last.member);
    else this.#hang(last, above);
    for (const child of place.children.splice(0)) if (child !== last) this.#hang(child, last);
    return orphans;
  }

  #hang(child: Place, parent: Place): void {
    child.parent = parent;
    parent.children.push(child);
    this.moved.add(child.member);
  }

  #cut(child: Place): void {
    const { parent } = child;
    this.#surplus.delete(child);
    if (parent === undefined) return;
    parent.children.splice(parent.children.indexOf(child), 1);
    child.parent = undefined;
    if (parent.index !== LEAF) this.#openFrom = Math.min(this.#openFrom, parent.index);
  }

  #hangLeaf(leaf: Place): void {
    const open = this.#openPlace();
    if (open === undefined) this.#surplus.add(leaf);
    this.#hang(leaf, open ?? this.#placeOfHelper(leaf));
  }

  #placeOfHelper(leaf: Place): Place {
    const helper = this.#helper();
    const place = helper === undefined || helper === leaf.member ? undefined : this.#places.get(helper);
    if (place !== undefined && place.children.length < this.#fanOut && place.parent !== leaf) return place;
    return this.#inner.reduce((least, each) => (each.children.length <= least.children.length ? each : least));
  }

  #placeSurplus(): void {
    for (const leaf of this.#surplus) {
      const open = this.#openPlace();
      if (open === undefined) return;
      this.#cut(leaf);
      this.#hang(leaf, open);
    }
  }

  #openPlace(): Place | undefined {
    for (; this.#openFrom < this.#inner.length; this.#openFrom += 1) {
      const place = this.#inner[this.#openFrom];
      if (place !== undefined && place.children.length < this.#fanOut) return place;
    }
    return undefined;
  }
}
