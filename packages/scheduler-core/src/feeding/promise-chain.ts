import type { Member } from "../books/member.ts";

// More than any task has members: a longer chain would be a cycle, and is no way for a piece.
const MAX_DEPTH = 100_000;

/**
 * How many steps a piece has to go until this member holds it: 0 where it does, or reads it from the source itself;
 * undefined where no promise leads to it.
 *
 *     depth(m, p) = 0                          if m holds p or reads it
 *                   depth(parent(m, p), p) + 1  if m is promised p by parent(m, p)
 *
 * A chain that ends in a member without the piece and without a promise gives undefined, so a peer that lacks a piece is
 * never fed by those who wait for it: no cycles.
 */
export function depthOf(member: Member, piece: number): number | undefined {
  let depth = 0;
  for (let at = member; !at.have.has(piece) && depth <= MAX_DEPTH; depth += 1) {
    const grant = at.peer?.promised[piece];
    if (grant === undefined) return undefined;
    if (grant.parent === undefined) return depth;
    at = grant.parent;
  }
  return depth <= MAX_DEPTH ? depth : undefined;
}
