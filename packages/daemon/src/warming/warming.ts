import { pieceLength, type Digest } from "@darner/domain";
import type { WarmOrder, WarmReport } from "@darner/protocol";
import type { Logger, Timers } from "@darner/runtime";
import { BlobFailure } from "../peers/blob-failure.ts";
import type { PeerTable } from "../peers/peer-table.ts";
import type { WarmListener } from "../scheduler-link/scheduler-link.ts";
import type { BlobStore } from "../store/store.ts";
import { getContent, type GetDeps } from "./get-content.ts";
import { isOfRegistry, warmFailure } from "./warm-failure.ts";
import { WarmQueue, type WantedContent } from "./warm-queue.ts";

/** What warming works with. */
export type WarmingDeps = GetDeps & {
  readonly store: Pick<BlobStore, "put" | "pin" | "findComplete">;
  readonly peers: Pick<PeerTable, "open" | "running">;
  readonly tell: (report: WarmReport) => void;
  readonly timers: Timers;
  readonly log: Logger;
};

// containerd fetches three layers of an image at once: as many keep the link busy, and whole images end early.
const MAX_AT_ONCE = 4;
// People watch progress; more often is noise for a scheduler of ten thousand hosts.
const PROGRESS_MS = 1000;
// Whoever reads from the source first may be busy with other blobs; after two minutes the scheduler is to know.
const PATIENCE_MS = 120_000;
// A scheduler that was restarted is back in seconds and says again what it wants; what nobody wants by then is given up.
const ABSENCE_MS = 30_000;
const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 15_000;

/** Gets what preheat jobs want onto this host: a few contents at once, in order, and tells the scheduler how they stand. */
export class Warming implements WarmListener, Disposable {
  readonly #deps: WarmingDeps;
  readonly #queue = new WarmQueue();
  // One entry a content that open jobs want and this host does not hold.
  readonly #wanted = new Map<Digest, WantedContent>();
  readonly #running = new Map<WantedContent, AbortController>();
  // Contents that wait before they are tried again.
  readonly #resting = new Map<WantedContent, () => void>();
  #cancelProgress: (() => void) | undefined;
  #cancelAbsence: (() => void) | undefined;
  // Counts the sessions that were lost: a wish of an earlier one holds until it would have been said again.
  #losses = 0;

  constructor(deps: WarmingDeps) {
    this.#deps = deps;
  }

  onWarm({ job, priority, pinMs, authorization, mayRead, contents }: WarmOrder): void {
    for (const content of contents) {
      const { digest, size } = content.task;
      const held = size === 0 ? content.task : this.#deps.store.findComplete(digest);
      if (held !== undefined) {
        this.#deps.store.pin(held, pinMs);
        this.#deps.tell({ digest, state: "held" });
        continue;
      }
      const known = this.#wanted.get(digest);
      const wanted: WantedContent = known ?? { content, wishes: new Map(), failingSince: undefined, tries: 0, registrySaid: undefined };
      wanted.wishes.set(job, { priority, pinMs, repository: content.repository, authorization, mayRead, losses: this.#losses });
      this.#wanted.set(digest, wanted);
      if (!this.#running.has(wanted)) this.#enqueue(wanted);
    }
    this.#fill();
  }

  onReleased(job: number): void {
    for (const wanted of this.#wanted.values()) if (wanted.wishes.delete(job) && wanted.wishes.size === 0) this.#giveUp(wanted);
    this.#fill();
  }

  /** What runs goes on with what it was granted; a preheat does not go to the source by itself for as long as this. */
  onLost(): void {
    this.#losses += 1;
    this.#cancelAbsence?.();
    this.#cancelAbsence = this.#deps.timers.setTimeout(() => {
      this.#forgetUnsaid();
      this.#fill();
    }, ABSENCE_MS);
  }

  [Symbol.dispose](): void {
    this.#cancelAbsence?.();
    for (const wanted of this.#wanted.values()) this.#giveUp(wanted);
    this.#cancelProgress?.();
  }

  /** Lets go of what was not said again since the session was lost. */
  #forgetUnsaid(): void {
    for (const wanted of this.#wanted.values()) {
      for (const [job, { losses }] of wanted.wishes) if (losses < this.#losses) wanted.wishes.delete(job);
      if (wanted.wishes.size === 0) this.#giveUp(wanted);
    }
  }

  #enqueue(wanted: WantedContent): void {
    this.#resting.get(wanted)?.();
    this.#resting.delete(wanted);
    this.#queue.add(wanted);
  }

  #giveUp(wanted: WantedContent): void {
    this.#wanted.delete(wanted.content.task.digest);
    this.#queue.remove(wanted);
    this.#resting.get(wanted)?.();
    this.#resting.delete(wanted);
    this.#running.get(wanted)?.abort();
  }

  #fill(): void {
    while (this.#running.size < MAX_AT_ONCE) {
      const wanted = this.#queue.next();
      if (wanted === undefined) break;
      const stop = new AbortController();
      this.#running.set(wanted, stop);
      void this.#get(wanted, stop.signal).finally(() => {
        this.#running.delete(wanted);
        this.#fill();
      });
    }
    this.#watchProgress();
  }

  /** Never rejects. */
  async #get(wanted: WantedContent, signal: AbortSignal): Promise<void> {
    const { task } = wanted.content;
    try {
      await getContent(wanted, this.#deps, signal);
      if (signal.aborted) return;
      if (this.#deps.store.findComplete(task.digest) === undefined) throw new BlobFailure({ code: "disk-refused", retryAfterMs: 0 });
      this.#wanted.delete(task.digest);
      this.#deps.store.pin(task, Math.max(0, ...[...wanted.wishes.values()].map(({ pinMs }) => pinMs)));
      this.#deps.tell({ digest: task.digest, state: "held" });
    } catch (error) {
      if (!signal.aborted) this.#failed(wanted, error);
    }
  }

  #failed(wanted: WantedContent, error: unknown): void {
    const { digest } = wanted.content.task;
    const now = this.#deps.timers.now();
    const { reason: why, then, retryAfterMs } = warmFailure(error);
    const before = wanted.registrySaid;
    const reason = isOfRegistry(error) || before === undefined ? why : `${why}; before that ${before}`;
    if (isOfRegistry(error)) wanted.registrySaid = why;
    wanted.failingSince ??= now;
    wanted.tries += 1;
    if (then === "again" && now - wanted.failingSince < PATIENCE_MS) {
      this.#rest(wanted, Math.max(retryAfterMs, Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** (wanted.tries - 1))));
      return;
    }
    const final = then === "final" || then === "absent";
    this.#deps.log.warn("content could not be warmed", { digest, reason, final });
    this.#wanted.delete(digest);
    this.#deps.tell({ digest, state: "failed", reason, final });
  }

  #rest(wanted: WantedContent, ms: number): void {
    const cancel = this.#deps.timers.setTimeout(() => {
      this.#enqueue(wanted);
      this.#fill();
    }, ms);
    this.#resting.set(wanted, cancel);
  }

  #watchProgress(): void {
    if (this.#cancelProgress !== undefined || this.#running.size === 0) return;
    this.#cancelProgress = this.#deps.timers.setTimeout(() => {
      this.#cancelProgress = undefined;
      this.#tellProgress();
      this.#watchProgress();
    }, PROGRESS_MS);
  }

  #tellProgress(): void {
    const digests = new Set([...this.#running.keys()].map(({ content }) => content.task.digest));
    for (const { task, held } of this.#deps.peers.running()) {
      if (!digests.has(task.digest) || held === 0) continue;
      this.#deps.tell({ digest: task.digest, state: "progress", bytes: Math.min(task.size, held * pieceLength(task.size)) });
    }
  }
}
