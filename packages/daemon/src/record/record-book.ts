import { taskId, type Digest, type TaskId } from "@darner/domain";
import type { PeerEvent } from "@darner/peer-core";
import { LruMap, type Clock } from "@darner/runtime";
import type { BlobAccount } from "./blob-account.ts";
import { BlobRecorder } from "./blob-recorder.ts";
import { MAX_FINISHED } from "./limits.ts";

/** The accounts of the blobs that are on their way to this host, and of the last that came. Lost with the process. */
export class RecordBook {
  readonly #clock: Clock;
  readonly #timeOfDay: () => Date;
  // One entry a running peer, which the peer table bounds.
  readonly #running = new Map<TaskId, BlobRecorder>();
  // At most MAX_FINISHED, the oldest first.
  readonly #finished: BlobAccount[] = [];
  readonly #readsFromDisk = new LruMap<Digest, number>({ maxEntries: 4 * MAX_FINISHED });

  constructor(clock: Clock, timeOfDay: () => Date = () => new Date()) {
    this.#clock = clock;
    this.#timeOfDay = timeOfDay;
  }

  begin(started: Extract<PeerEvent, { type: "peer-started" }>): BlobRecorder {
    const recorder = new BlobRecorder(started, this.#timeOfDay().toISOString(), this.#clock.now());
    this.#running.set(taskId(started.task), recorder);
    return recorder;
  }

  /** The peer is over: its account is closed. */
  finish(recorder: BlobRecorder): void {
    const now = this.#clock.now();
    recorder.end(now);
    const id = taskId(recorder.task);
    if (this.#running.get(id) === recorder) this.#running.delete(id);
    this.#finished.push(recorder.account(now));
    if (this.#finished.length > MAX_FINISHED) this.#finished.shift();
  }

  /** A complete blob was opened for reading. */
  readFromDisk(digest: Digest): void {
    this.#readsFromDisk.set(digest, this.readsFromDisk(digest) + 1);
  }

  readsFromDisk(digest: Digest): number {
    return this.#readsFromDisk.get(digest) ?? 0;
  }

  /** The accounts of a digest, the oldest first, the running one last. */
  accountsOf(digest: Digest): BlobAccount[] {
    const running = [...this.#running.values()].filter(({ task }) => task.digest === digest);
    return [
      ...this.#finished.filter((account) => account.digest === digest),
      ...running.map((recorder) => recorder.account(this.#clock.now())),
    ];
  }
}
