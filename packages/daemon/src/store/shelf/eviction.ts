/** What the choice of victims looks at. */
export type Candidate = {
  readonly task: { readonly size: number };
  readonly complete: boolean;
  readonly holders: number;
  readonly lastUseMs: number;
  readonly facts: { readonly pinnedUntilMs?: number };
};

// 10 minutes: a client that lost its connection comes back within minutes and goes on with what is there.
const ABANDONED_AFTER_MS = 10 * 60 * 1000;

/**
 * Chooses what must go to free `needBytes`, out of `entries` in order of last use, oldest first: abandoned halves, then complete blobs, then
 * halves that somebody wanted a moment ago. Never one that is held or pinned. Gives as many as there are where they do not suffice.
 */
export function chooseVictims<Entry extends Candidate>(entries: Iterable<Entry>, needBytes: number, nowMs: number): Entry[] {
  const free = [...entries].filter(({ holders, facts }) => holders === 0 && (facts.pinnedUntilMs ?? 0) <= nowMs);
  const abandoned = free.filter((entry) => !entry.complete && nowMs - entry.lastUseMs >= ABANDONED_AFTER_MS);
  const complete = free.filter((entry) => entry.complete);
  const recent = free.filter((entry) => !entry.complete && nowMs - entry.lastUseMs < ABANDONED_AFTER_MS);
  const victims: Entry[] = [];
  let freed = 0;
  for (const entry of [...abandoned, ...complete, ...recent]) {
    if (freed >= needBytes) break;
    victims.push(entry);
    freed += entry.task.size;
  }
  return victims;
}
