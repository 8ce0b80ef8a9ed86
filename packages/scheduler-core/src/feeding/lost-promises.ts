import { owed, withdraw } from "../books/grant-book.ts";
import { lacks, type Member, isWanting } from "../books/member.ts";
import type { Turn } from "../turn.ts";

/**
 * Takes back promises that nothing stands behind: a member that lost pieces or promises, and found no other way to them,
 * cannot keep what it was to pass on; nor can its children, down the tree.
 */
export function withdrawEmptyPromises(turn: Turn): void {
  for (const member of turn.loose) {
    for (const grant of [...member.feeding]) {
      const empty = owed(grant).filter((piece) => cannotPassOn(member, piece));
      if (empty.length > 0) withdraw(turn, grant, empty);
    }
  }
  turn.loose.clear();
}

function cannotPassOn(member: Member, piece: number): boolean {
  if (member.have.has(piece)) return false;
  return !isWanting(member) || lacks(member, piece);
}
