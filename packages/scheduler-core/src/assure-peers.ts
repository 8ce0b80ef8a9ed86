import type { Group } from "./books/group.ts";
import type { Wanting } from "./books/member.ts";
import type { Turn } from "./turn.ts";

/**
 * Who waits long for its next piece is told again that pieces will come, while they are on their way to it: it neither asks for what
 * everybody waits for nor goes to the source. A piece of 4 MiB takes 1.3 s at 25 Mbit/s, and 20 times that down a tree of a thousand hosts;
 * how fast links are is nowhere known before pieces came, but that they come is.
 *
 *     due ⇔ a reader waits there, something is promised to it, or its blob waits for its turn while others of the registry are read, and
 *           nothing was heard of it, nor said to it, for assureMs, assureFedMs where it holds pieces (whose reports wait for others), and
 *           somebody in the swarm, or of those blobs, reported a piece within assureFedMs
 *
 * What a parent has ready and does not send is late before long (`feeding/late-pieces.ts`) and comes another way. Where nothing moves nothing is said:
 * then a host has to help itself.
 */
export function assurePeer(turn: Turn, group: Group, { host, have, peer, registry }: Wanting): void {
  const { limits, now, swarm } = turn;
  if (peer.priority === "preheat" || peer.standing !== "fed") return;
  if (peer.promisedCount === 0 ? !waitsForTurn(turn, registry) : now - group.movedAt > limits.assureFedMs) return;
  if (now - peer.assuredAt < (have.count === 0 ? limits.assureMs : limits.assureFedMs)) return;
  peer.assuredAt = now;
  turn.effects.push({ type: "tell-standing", host: host.id, task: swarm.task, standing: "fed", retryAfterMs: 0 });
}

/** Whether its blob waits for its turn, while others of the registry have theirs. */
function waitsForTurn({ memory, swarm, now, limits }: Turn, registry: string): boolean {
  const { readForAt } = memory.registries.of(registry);
  return memory.queue.waiting.has(swarm) && readForAt !== undefined && now - readForAt <= limits.assureFedMs;
}
