import type { Member } from "../books/member.ts";
import { SpreadTree } from "./spread-tree.ts";
import type { Neighbours } from "./zone-parts.ts";

/** Trees side by side, and children an inner member has: each tree carries half of the blob, so two children take one copy. */
export const TREES = 2;

/**
 * The trees in which pieces spread over a group. Every member is inner in one tree, its home, and a leaf in the others:
 *
 *     trees = fanOut = min(TREES, members)
 *     upload of a host = fanOut children × 1/trees of the blob = one copy
 *     depth = log_fanOut(members): for 10,000 hosts two give 27 piece times, four 28, eight 40; two flows at a time disturb each other least
 */
export class SpreadTrees {
  #trees: SpreadTree[] = [];
  readonly #home = new Map<Member, SpreadTree>();

  get trees(): readonly SpreadTree[] {
    return this.#trees;
  }

  has(member: Member): boolean {
    return this.#home.has(member);
  }

  /** Adds a member; its home is the tree with the fewest inner members. */
  join(member: Member): void {
    if (this.#home.has(member)) return;
    const count = Math.min(TREES, this.#home.size + 1);
    if (count !== this.#trees.length) {
      this.#rebuild(count, member);
      return;
    }
    this.#seat(member);
  }

  leave(member: Member): void {
    if (!this.#home.delete(member)) return;
    for (const tree of this.#trees) tree.remove(member);
    this.#balance(member.host.zone);
  }

  /** Takes a member's inner place: who brings in the pieces of several trees has enough to send to their roots. */
  makeLeaf(member: Member): void {
    for (const tree of this.#trees) if (tree.isInner(member) && tree.innerIn(member.host.zone) > 1) tree.seat(member, false);
  }

  /** Makes a member the root of a tree, its home first, in the place of one of its zone that `gives` way. */
  crown(member: Member, gives: (root: Member) => boolean): void {
    const home = this.#home.get(member);
    if (home === undefined || member.host.isSlow || this.rootedAt(member) !== undefined) return;
    for (const tree of new Set([home, ...this.#trees])) {
      const { root } = tree;
      if (root === undefined || root.host.zone !== member.host.zone || !gives(root)) continue;
      for (const each of this.#trees) each.exchange(member, root);
      this.#home.set(root, home);
      this.#home.set(member, tree);
      return;
    }
  }

  /** The tree whose root a member is. */
  rootedAt(member: Member): SpreadTree | undefined {
    const home = this.#home.get(member);
    return home?.root === member ? home : this.#trees.find((tree) => tree.root === member);
  }

  /** The least steps from a root in any tree. */
  depthOf(member: Member): number {
    let least = Number.MAX_SAFE_INTEGER;
    for (const tree of this.#trees) least = Math.min(least, tree.depthOf(member));
    return this.#home.has(member) ? least : 0;
  }

  #seat(member: Member): void {
    const { zone } = member.host;
    const home = this.#trees.reduce((best, tree) => (comesBefore(tree, best, zone) ? tree : best));
    this.#home.set(member, home);
    for (const tree of this.#trees) tree.seat(member, tree === home && !member.host.isSlow);
    // Where it is inner it has room for who found none in another tree.
    for (const tree of this.#trees) tree.placeSurplus();
  }

  #rebuild(count: number, member: Member): void {
    const members = [...this.#home.keys(), member];
    const loads = this.#trees.map((tree) => tree.load);
    this.#trees = Array.from({ length: count }, (_, index) => new SpreadTree(count, this.#neighboursOf(index)));
    for (const [index, load] of loads.entries()) {
      const tree = this.#trees[index];
      if (tree !== undefined) tree.load = load;
    }
    this.#home.clear();
    // Every tree has its own root before anybody is a leaf: a tree's first member is inner there whatever its home is.
    for (const [index, tree] of this.#trees.entries()) {
      const root = members[index];
      if (root === undefined) continue;
      this.#home.set(root, tree);
      tree.seat(root, true);
    }
    for (const root of members.slice(0, count)) for (const tree of this.#trees) if (tree.root !== root) tree.seat(root, false);
    for (const each of members.slice(count)) this.#seat(each);
  }

  #neighboursOf(index: number): Neighbours {
    // Asked for every place that is looked at: a loop, and no list of the others each time.
    const sumElsewhere = (of: (tree: SpreadTree) => number): number => {
      let sum = 0;
      for (let other = 0; other < this.#trees.length; other++) {
        const tree = this.#trees[other];
        if (other !== index && tree !== undefined) sum += of(tree);
      }
      return sum;
    };
    return {
      helper: (zone) => this.#helper(zone),
      homesOf: (zone) => this.#trees.filter((tree) => tree.isHomeOf(zone)).length,
      childrenElsewhere: (member) => sumElsewhere((tree) => tree.childrenOf(member)),
      helpedElsewhere: (zone) => sumElsewhere((tree) => tree.helpedIn(zone)),
      leafFreed: (member) => {
        for (const [other, tree] of this.#trees.entries()) if (other !== index) tree.reopen(member);
      },
    };
  }

  /** An inner member of a zone with a free place, in the tree with the most of them there. */
  #helper(zone: string): Member | undefined {
    const rich = this.#richest(zone);
    return rich.freeIn(zone) > 0 ? rich.openInner(zone) : undefined;
  }

  #richest(zone: string): SpreadTree {
    return this.#trees.reduce((most, tree) => (tree.freeIn(zone) > most.freeIn(zone) ? tree : most));
  }

  /** A tree that lost more inner members of a zone than others gets one that another can spare. */
  #balance(zone: string): void {
    for (const short of this.#trees) {
      while (short.freeIn(zone) < 0) {
        const rich = this.#richest(zone);
        const spare = rich.lastInner(zone);
        if (spare === undefined || rich.freeIn(zone) < this.#trees.length || rich.innerIn(zone) < 2) return;
        rich.seat(spare, false);
        short.seat(spare, true);
        this.#home.set(spare, short);
      }
    }
  }
}

/** Whether a member of a zone is rather to be inner in this tree: where its zone has fewer, where the zone feeds others, where fewer zones and members are. */
function comesBefore(tree: SpreadTree, other: SpreadTree, zone: string): boolean {
  const feeds = Number(other.isHomeOf(zone)) - Number(tree.isHomeOf(zone));
  return (tree.innerIn(zone) - other.innerIn(zone) || feeds || tree.homes - other.homes || tree.inner - other.inner) < 0;
}
