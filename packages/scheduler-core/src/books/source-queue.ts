import type { Swarm } from "./swarm.ts";

/** Blobs that are read from their registries, and those that are to be read on when it is their turn. */
export class SourceQueue {
  /** Blobs of which something is being read; bounded by the connections of all registries. */
  readonly read: Set<Swarm> = new Set();
  /** Who waited longest first; at most every blob that somebody waits for. */
  readonly waiting: Set<Swarm> = new Set();
  /** Whether something that was to be read came, or will not. */
  hasMoved = false;

  forget(swarm: Swarm): void {
    this.read.delete(swarm);
    this.waiting.delete(swarm);
  }
}
