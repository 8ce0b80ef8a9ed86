import { give, owed, withdrawFrom } from "../../books/grant-book.ts";
import type { Group } from "../../books/group.ts";
import type { Member, Wanting } from "../../books/member.ts";
import { randomStretch } from "../random-stretch.ts";
import { mayFeed } from "../score-parent.ts";
import type { Turn } from "../../turn.ts";

/** So much later than its own link could have it: less is what flows that come and go make of it anyway. */
const LATER_TENTHS = 13;
/** Fewer are not worth the messages, and are mostly on their way. */
const LEAST_MOVED = 4;
const LEAST_OWED = 4 * LEAST_MOVED;

/**
 * When all of the source is read, a reader of it that waits for a shared link more than for its own takes the later part from a member that
 * owes little.
 *
 *     wait(p → c) = pieces p owes c × children p owes something
 *     due   ⇔ c read from the source, nothing is read there any more, p owes 16 pieces or more, and wait(p → c) > 1.3 × what all its parents owe c
 *     from  = the one of a stretch of the members with the least backlog, that owes less than half of what p does, within the zone of c,
 *             that is not slow and holds 4 or more of what p owes c
 *     taken = the last half of these
 *
 * The source fills what a reader's link has left, and where the source is fast a reader gets less of the other trees meanwhile than others do:
 * in the end it has much to get from few, while its own tree has nothing left for it.
 */
export function evenBacklogs(turn: Turn, group: Group, member: Wanting): void {
  const { promisedCount: lacking, sourceProgressAt } = member.peer;
  if (sourceProgressAt === 0 || group.stripes.size > 0 || lacking < LEAST_OWED) return;
  const longest = longestWait(member);
  if (longest === undefined || 10 * longest.wait <= LATER_TENTHS * lacking) return;
  const { parent, pieces } = longest;
  if (pieces.length < LEAST_OWED || parent.host.zone !== member.host.zone) return;
  const holder = leastBusy(turn, group, member, parent, pieces);
  if (holder === undefined) return;
  const held = pieces.filter((piece) => holder.have.has(piece)).sort((left, right) => left - right);
  const taken = held.slice(-(pieces.length >> 1));
  withdrawFrom(turn, member, taken);
  give(turn, { child: member, parent: holder, pieces: taken });
}

type Wait = { readonly parent: Member; readonly pieces: readonly number[]; readonly wait: number };

function longestWait(child: Wanting): Wait | undefined {
  const byParent = new Map<Member, number[]>();
  for (const grant of child.peer.grants.values()) {
    if (grant.parent === undefined) continue;
    const pieces = byParent.get(grant.parent);
    if (pieces === undefined) byParent.set(grant.parent, owed(grant));
    else pieces.push(...owed(grant));
  }
  let longest: Wait | undefined;
  for (const [parent, pieces] of byParent) {
    const wait = pieces.length * new Set([...parent.feeding].map((grant) => grant.child)).size;
    if (wait > (longest?.wait ?? 0)) longest = { parent, pieces, wait };
  }
  return longest;
}

function leastBusy(turn: Turn, group: Group, child: Wanting, parent: Member, pieces: readonly number[]): Member | undefined {
  let chosen: Member | undefined;
  let most = parent.host.backlogBytes / 2;
  for (const holder of randomStretch(turn, group)) {
    const { host } = holder;
    if (host.isSlow || host.zone !== child.host.zone || host.backlogBytes >= most || !mayFeed(turn, holder, child)) continue;
    let held = 0;
    for (const piece of pieces) held += holder.have.has(piece) ? 1 : 0;
    if (held < LEAST_MOVED) continue;
    chosen = holder;
    most = host.backlogBytes;
  }
  return chosen;
}
