import { assurePeer } from "../assure-peers.ts";
import { isWanting } from "../books/member.ts";
import { endLateGrants, hedgeNeeded } from "./late-pieces.ts";
import { sendDueLines } from "../books/piece-lines.ts";
import { endStalledReads } from "../source/stalled-reader.ts";
import type { Turn } from "../turn.ts";

/** Looks over a swarm for what no event announces: late pieces, rests and benches that are over. */
export function lookOver(turn: Turn): void {
  const { swarm, now } = turn;
  for (const group of swarm.allGroups()) {
    sendDueLines(turn, group);
    endStalledReads(turn, group);
  }
  if (swarm.lookAt !== undefined && swarm.lookAt > now) return;
  swarm.lookAt = undefined;
  for (const group of swarm.allGroups()) {
    group.stirred = true;
    for (const member of group.list()) {
      if (!isWanting(member)) continue;
      turn.touched.add(member);
      for (const [parent, until] of member.peer.avoided) if (until <= turn.now) member.peer.avoided.delete(parent);
      endLateGrants(turn, group, member);
      hedgeNeeded(turn, group, member);
      assurePeer(turn, group, member);
    }
  }
}
