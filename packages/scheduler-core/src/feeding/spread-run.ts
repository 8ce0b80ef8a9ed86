import type { Group } from "../books/group.ts";
import { give } from "../books/grant-book.ts";
import { isWanting, lacks, type Member, type Wanting } from "../books/member.ts";
import { depthOf } from "./promise-chain.ts";
import { busyBytes, depthOfRun, isBetter, mayFeed, scoreParent, type TreeShape } from "./score-parent.ts";
import type { Turn } from "../turn.ts";

/** One possible parent while a tree is built. */
type Branch = { readonly member: Member; readonly depth: number; readonly reserveBytes: number };

/**
 * Lets every peer that lacks these pieces have them by way of `entry`, the peer that brings them into the swarm.
 *
 * A run spreads as fanOut / roots trees side by side, each with every so-manieth piece, so that an entry that brings in more
 * than its share sends each piece on once or twice and the others swap. A tree grows child by child, those with the
 * least to send first, each under the parent with the least score: inner roles go round over the hosts by themselves.
 */
export function spread(turn: Turn, group: Group, entry: Member, pieces: readonly number[], shape: TreeShape): void {
  const trees = Math.max(1, Math.min(pieces.length, Math.floor(shape.fanOut / shape.roots)));
  const holders = holdersOf(turn, group, pieces);
  const freshBytes = holders.length === 0 ? 0 : countFresh(group) * turn.swarm.pieceBytes;
  for (let tree = 0; tree < trees; tree++) {
    const part = pieces.filter((_, index) => index % trees === tree);
    const unsentBytes = Math.floor(((trees - tree - 1) * pieces.length) / trees) * turn.swarm.pieceBytes;
    const roots: Branch[] = [
      { member: entry, depth: 0, reserveBytes: unsentBytes },
      ...holders.map((member) => ({ member, depth: 0, reserveBytes: Math.floor(freshBytes / holders.length) })),
    ];
    growTree(turn, group, roots, part, shape);
  }
}

function growTree(turn: Turn, group: Group, roots: readonly Branch[], pieces: readonly number[], shape: TreeShape): void {
  const branches: Branch[] = [];
  for (const root of roots) {
    const depth = depthOfRun(root.member, pieces);
    if (depth !== undefined) branches.push({ ...root, depth });
  }
  const runBytes = pieces.length * turn.swarm.pieceBytes;
  for (const child of childrenFor(turn, group, pieces)) {
    const parents = parentsFor(turn, branches, child, runBytes, shape);
    const depth = takeFrom(turn, parents, child, pieces);
    if (depth !== undefined) keepBranch(branches, { member: child, depth: depth + 1, reserveBytes: 0 }, turn.limits.maxParentsCompared);
  }
}

/** Grants a child what it lacks, from the best parent; what that one will not have (others bring it there) from the next best. Gives back the depth of the first. */
function takeFrom(turn: Turn, parents: Iterable<Branch>, child: Wanting, pieces: readonly number[]): number | undefined {
  let missing = pieces.filter((piece) => lacks(child, piece));
  let depth: number | undefined;
  for (const { member: parent, depth: parentDepth } of parents) {
    const given = missing.filter((piece) => depthOf(parent, piece) !== undefined);
    if (given.length === 0) continue;
    give(turn, { child, parent, pieces: given });
    depth ??= parentDepth;
    missing = missing.filter((piece) => lacks(child, piece));
    if (missing.length === 0) break;
  }
  return depth;
}

/** Peers that lack some of the pieces: readers before preheats, those with the least to send first. */
function childrenFor(turn: Turn, group: Group, pieces: readonly number[]): Wanting[] {
  const children: Wanting[] = [];
  for (const member of group.members) {
    if (isWanting(member) && member.peer.heldBackUntil <= turn.now && pieces.some((piece) => lacks(member, piece))) children.push(member);
  }
  return children.sort(
    (left, right) =>
      Number(left.peer.priority === "preheat") - Number(right.peer.priority === "preheat") ||
      busyBytes(left) - busyBytes(right) ||
      (left.host.id < right.host.id ? -1 : 1),
  );
}

// Almost always the first has everything; a child whose fourth best parent does not looks for the rest by itself.
const MAX_PARENTS_TRIED = 4;

/** The best parents for a child, best first; each is chosen when it is asked for. */
function* parentsFor(turn: Turn, branches: readonly Branch[], child: Wanting, runBytes: number, shape: TreeShape): Generator<Branch> {
  const tried = new Set<Branch>();
  while (tried.size < MAX_PARENTS_TRIED) {
    let chosen: { readonly branch: Branch; readonly member: Member; readonly score: number } | undefined;
    for (const branch of branches) {
      const { member, depth, reserveBytes } = branch;
      if (tried.has(branch) || !mayFeed(turn, member, child)) continue;
      const candidate = { branch, member, score: scoreParent(busyBytes(member), reserveBytes, depth, runBytes, shape) };
      if (chosen === undefined || isBetter(candidate, chosen, child)) chosen = candidate;
    }
    if (chosen === undefined) return;
    tried.add(chosen.branch);
    yield chosen.branch;
  }
}

/** Adds a branch; past the bound it takes the place of the one with most to send. */
function keepBranch(branches: Branch[], branch: Branch, most: number): void {
  if (branches.length < most) {
    branches.push(branch);
    return;
  }
  const fullest = branches.reduce((worst, each) => (busyBytes(each.member) > busyBytes(worst.member) ? each : worst));
  if (busyBytes(fullest.member) > busyBytes(branch.member)) branches[branches.indexOf(fullest)] = branch;
}

// A run from the source has no holder; one from a holder may have thousands: sixteen with little to do are enough.
const MAX_HOLDERS = 16;

function holdersOf(turn: Turn, group: Group, pieces: readonly number[]): Member[] {
  if (pieces.some((piece) => (group.held[piece] ?? 0) === 0)) return [];
  const members = group.list();
  const from = members.length <= turn.limits.maxParentsCompared ? 0 : Math.floor(turn.memory.random() * members.length);
  const holders: Member[] = [];
  for (let index = 0; index < members.length && holders.length < MAX_HOLDERS; index++) {
    const member = members[(from + index) % members.length];
    if (member !== undefined && pieces.every((piece) => member.have.has(piece))) holders.push(member);
  }
  return holders;
}

/** Pieces that somebody holds and no peer is promised: they still have to be brought in. */
function countFresh(group: Group): number {
  let count = 0;
  for (let piece = 0; piece < group.pieces; piece++) {
    const held = group.held[piece] ?? 0;
    if (held > 0 && held < group.members.size && group.promised[piece] === 0) count += 1;
  }
  return count;
}
