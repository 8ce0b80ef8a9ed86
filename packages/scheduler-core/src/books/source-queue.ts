import type { Member } from "./member.ts";
import type { Swarm } from "./swarm.ts";

/** Images seldom have more layers. Of more blobs that wait, those behind are read beside each other: to compare all of them with all, at each piece, would cost the scheduler more than their turns bring. */
const LOOKED_AT = 32;

/** Blobs that are read from their registries, and those that are to be read on when it is their turn. */
export class SourceQueue {
  /** Blobs of which something is being read; bounded by the connections of all registries. */
  readonly read: Set<Swarm> = new Set();
  /** Who waited longest first; at most every blob that somebody waits for. */
  readonly waiting: Set<Swarm> = new Set();
  /** Blobs of which something that was to be read came, or will not, since waiting ones were looked at; and a host that was to read it. */
  readonly moved: Map<Swarm, Member> = new Map();

  /** Those that waited longest. */
  *next(): IterableIterator<Swarm> {
    let looked = 0;
    for (const swarm of this.waiting) {
      if ((looked += 1) > LOOKED_AT) return;
      yield swarm;
    }
  }

  forget(swarm: Swarm): void {
    this.read.delete(swarm);
    this.waiting.delete(swarm);
    this.moved.delete(swarm);
  }
}
