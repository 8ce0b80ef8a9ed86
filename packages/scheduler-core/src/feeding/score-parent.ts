import { nearness } from "../trees/nearness.ts";
import type { Wanting, Member } from "../books/member.ts";
import type { Turn } from "../turn.ts";

/** The form of the trees in which a run spreads: how many hosts bring pieces in at once, and how many children a host can feed then. */
export type TreeShape = { readonly roots: number; readonly fanOut: number };

/**
 * What it costs to choose this parent, in bytes: the lower the better.
 *
 *     busy + reserve + penalty(depth) × run bytes
 *     penalty(0) = 0;  penalty(d) = (roots + (d − 1) × fanOut) / 2
 *
 * busy: see below. reserve: what only it can bring in and has not begun to.
 * A host whose link carries `roots` inflows at once can feed a child with one of them as often as there are inflows:
 * so a root could take `roots` children before one of them is as good, an inner host `fanOut`. Half of that spreads the load
 * better and costs hardly any depth (simulator: 16 hosts 1.11 × the bound instead of 1.15, 50 hosts 1.17 instead of 1.22).
 */
export function scoreParent(busyBytes: number, reserveBytes: number, depth: number, runBytes: number, shape: TreeShape): number {
  const penalty = depth === 0 ? 0 : (shape.roots + (depth - 1) * shape.fanOut) >> 1;
  return busyBytes + reserveBytes + penalty * runBytes;
}

/**
 * How busy a parent is, in bytes.
 *
 *     16 × backlog + given
 *
 * backlog: what it is promised to send now, over all tasks. given: what it was promised to give to this swarm so far; without it
 * who sends fast is asked more and more, until the others wait for that one link (50 hosts: 1.16 copies sent by one instead of 1.05).
 */
export function busyBytes({ host, givenBytes }: Member): number {
  return BACKLOG_WEIGHT * host.backlogBytes + givenBytes;
}

/** Who gave little so far makes it up over many turns, not in one: 190 pieces were asked at once of one that had given 200 less than others. */
const BACKLOG_WEIGHT = 16;

/** Whether a child may be given this parent at all: another live host that neither is benched nor failed it a moment ago. */
export function mayFeed(turn: Turn, parent: Member, child: Wanting): boolean {
  if (parent === child || parent.host.benchedUntil > turn.now) return false;
  const avoidedUntil = child.peer.avoided.get(parent.host.id);
  return avoidedUntil === undefined || avoidedUntil <= turn.now;
}

/** One choice among parents: slow links last, the child's zone first, lower score first, then the nearer, then the smaller id. */
export type Candidate = { readonly member: Member; readonly score: number };

/** Whether `left` is to be chosen before `right` as a parent of `child`. */
export function isBetter(left: Candidate, right: Candidate, child: Member): boolean {
  if (left.member.host.isSlow !== right.member.host.isSlow) return right.member.host.isSlow;
  const isOwn = ({ member }: Candidate): boolean => member.host.zone === child.host.zone;
  if (isOwn(left) !== isOwn(right)) return isOwn(left);
  if (left.score !== right.score) return left.score < right.score;
  const near = nearness(left.member.host.zone, child.host.zone) - nearness(right.member.host.zone, child.host.zone);
  return near !== 0 ? near > 0 : left.member.host.id < right.member.host.id;
}
