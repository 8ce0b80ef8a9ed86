import { pieceCount, taskId, type ByteRange, type Task, type TaskId } from "@darner/domain";
import type { Holding, SchedulerOrder } from "@darner/protocol";
import type { SchedulerListener } from "../scheduler-link/scheduler-link.ts";
import type { CheckedBlob } from "../store/rot/first-use.ts";
import type { StoredBlob } from "../store/store.ts";
import { BlobFailure } from "./blob-failure.ts";
import { BlobStream, type StreamUse, type StreamedBlob } from "./blob-stream.ts";
import type { BlobWish } from "./blob-wish.ts";
import type { BytesAtHand } from "./bytes-at-hand.ts";
import type { PeerDeps } from "./peer-deps.ts";
import { PeerRunner } from "./peer-runner.ts";
import { readWhole } from "./read-whole.ts";
import { tableOf } from "./table-of.ts";

// Blobs on their way to one host at a time: images have tens of layers, and each running peer costs a file and a proof.
const MAX_PEERS = 512;

/** A blob somebody on this host reads: complete on disk, or on its way. */
export type ReadableBlob = {
  readonly task: Task;
  /** Where its bytes come from, for the books. */
  readonly from: "disk" | "swarm";
  openStream(range?: ByteRange, use?: StreamUse): BlobStream;
  /** Resolves when a blob that is proven is also in its place on the disk. */
  settled(): Promise<void>;
  close(): void;
  /** Closes it, and ends its peer at once where nobody else wants it. */
  abandon(): void;
};

/** The peers of this host: one running peer a task, shared by all who want it. */
export class PeerTable implements SchedulerListener {
  readonly #deps: PeerDeps;
  readonly #runners = new Map<TaskId, PeerRunner>();
  readonly #starting = new Map<TaskId, Promise<PeerRunner>>();
  // Blobs that were proven by another way, while they take the place of what was there; at most one for each spool.
  readonly #settling = new Map<TaskId, Promise<void>>();
  #closed = false;

  constructor(deps: PeerDeps) {
    this.#deps = deps;
  }

  get count(): number {
    return this.#runners.size;
  }

  /** The running peers, for status. */
  running(): { task: Task; pieces: number; held: number }[] {
    return [...this.#runners.values()].map(({ task, have }) => ({ task, pieces: have.size, held: have.count }));
  }

  /**
   * Opens a blob for reading: from disk where it is complete, else by joining or starting its peer. Rejects with `BlobFailure` or `StoreError`;
   * with `other-registry` where its peer reads through another registry and has proven nothing yet: its bytes are that registry's word.
   */
  async open(task: Task, wish: BlobWish): Promise<ReadableBlob> {
    await this.#settling.get(taskId(task))?.catch(() => undefined);
    const stored = this.#deps.store.open(task);
    if (stored?.complete === true && isElsewhere(stored, wish)) {
      stored[Symbol.dispose]();
      throw elsewhere();
    }
    if (stored?.complete === true && (await this.#isReadable(stored))) return this.#fromDisk(stored);
    stored?.[Symbol.dispose]();
    const runner = await this.#joinOrStart(task, wish);
    let held = true;
    const close = (): void => {
      if (held) runner.letGo();
      held = false;
    };
    return {
      task,
      from: "swarm",
      openStream: (range, use) => runner.openStream(range, use),
      settled: () => runner.settled(),
      close,
      abandon: () => {
        close();
        runner.endIfUnused();
      },
    };
  }

  /** What this host has of a blob, or will have, for a comparison; undefined where that is nothing. */
  atHand(task: Task): BytesAtHand | undefined {
    const runner = this.#runners.get(taskId(task));
    using stored = this.#deps.store.open(task, "check");
    const pieces = [...(runner?.have ?? stored?.have ?? [])];
    if (runner !== undefined) {
      const all = Array.from({ length: pieceCount(task.size) }, (_, piece) => piece);
      return {
        task,
        pieces: pieces.length > 0 ? pieces : all,
        read: (range, signal) => readWhole(runner.openStream(range, "inside"), range.end - range.start, signal),
      };
    }
    return pieces.length === 0 ? undefined : { task, pieces, read: (range) => this.#readStored(task, range) };
  }

  /** Resolves when the running peer of a blob is over, however it ends; at once where there is none. */
  async whenOver(task: Task): Promise<void> {
    await this.#runners.get(taskId(task))?.over;
  }

  /** A blob was proven without its peer: `settle` puts it into the store, and the peer, if there is one, ends and gives its readers that. Rejects where `settle` does. */
  async giveWay(task: Task, settle: () => Promise<void>): Promise<void> {
    const id = taskId(task);
    await this.#starting.get(id)?.catch(() => undefined);
    const settled = this.#replaceBy(task, settle);
    this.#settling.set(id, settled);
    try {
      await settled;
    } finally {
      this.#settling.delete(id);
    }
  }

  /** The blob as other hosts may be sent pieces of it; undefined where this host has nothing of it and expects nothing. */
  lend(task: Task): StoredBlob | undefined {
    return this.#deps.store.open(task);
  }

  holdings(): readonly Holding[] {
    return this.#deps.store.list().flatMap((stored) => this.#holdingOf(stored) ?? []);
  }

  holdingOf(task: Task): Holding | undefined {
    const stored = this.#deps.store.open(task);
    if (stored === undefined) return undefined;
    const holding = this.#holdingOf(stored);
    stored[Symbol.dispose]();
    return holding;
  }

  onFound(): void {
    this.#deps.metrics.schedulerLive.set(1);
    for (const runner of this.#runners.values()) runner.schedulerFound();
  }

  onLost(): void {
    this.#deps.metrics.schedulerLive.set(0);
    for (const runner of this.#runners.values()) runner.schedulerLost();
  }

  onOrder(task: Task, order: SchedulerOrder): void {
    if (order.type === "ask-table") this.#tellTable(task);
    else if (order.type === "fault") this.#toldWrong(task, order);
    else this.#runners.get(taskId(task))?.ordered(order);
  }

  /** Ends every peer; what is verified stays in the store. */
  close(): void {
    this.#closed = true;
    for (const runner of this.#runners.values()) runner.stop();
  }

  /** The running peer of a task, held for the caller. */
  async #joinOrStart(task: Task, wish: BlobWish): Promise<PeerRunner> {
    const id = taskId(task);
    const running = this.#runners.get(id);
    if (running !== undefined && (!running.ended || running.proven)) return boarded(running, wish);
    // No await between looking and starting: two requests at once are one peer.
    const starting = this.#starting.get(id);
    if (starting !== undefined) return boarded(await starting, wish);
    const started = this.#start(task, wish).finally(() => this.#starting.delete(id));
    this.#starting.set(id, started);
    return started;
  }

  async #start(task: Task, wish: BlobWish): Promise<PeerRunner> {
    this.#requireOpen();
    if (this.#runners.size + this.#starting.size >= MAX_PEERS) throw new BlobFailure({ code: "busy", retryAfterMs: 0 });
    const blob = await this.#openBytes(task, wish);
    try {
      this.#requireOpen();
    } catch (error) {
      blob[Symbol.dispose]();
      throw error;
    }
    const runner = new PeerRunner(task, blob, wish, this.#deps, (ended) => {
      if (this.#runners.get(taskId(task)) === ended) this.#runners.delete(taskId(task));
      this.#deps.metrics.peers.set(this.#runners.size);
    });
    runner.hold();
    if (!runner.ended) this.#runners.set(taskId(task), runner);
    this.#deps.metrics.peers.set(this.#runners.size);
    return runner;
  }

  async #readStored(task: Task, { start, end }: ByteRange): Promise<Uint8Array> {
    using stored = this.#deps.store.open(task);
    if (stored === undefined) throw new BlobFailure({ code: "starved", retryAfterMs: 0 });
    const bytes = Buffer.alloc(end - start);
    await stored.read(start, bytes);
    return bytes;
  }

  /** What is here of an unproven blob is another registry's word where it was read through that: it is given up. */
  async #openBytes(task: Task, { facts }: BlobWish): Promise<StoredBlob> {
    const blob = await this.#deps.store.openOrCreate(task, facts);
    const isOthers = !blob.complete && blob.facts.registry !== facts.registry;
    if (!isOthers) return blob;
    try {
      await blob.quarantine("it was read through another registry and never proven");
    } finally {
      blob[Symbol.dispose]();
    }
    return this.#deps.store.openOrCreate(task, facts);
  }

  async #replaceBy(task: Task, settle: () => Promise<void>): Promise<void> {
    const running = this.#runners.get(taskId(task));
    if (running === undefined || running.proven) return settle();
    await running.giveWay(async () => {
      await settle();
      const blob = this.#deps.store.open(task);
      if (blob?.complete === true) return blob;
      blob?.[Symbol.dispose]();
      throw new BlobFailure({ code: "disk-refused", retryAfterMs: 0 });
    });
  }

  #requireOpen(): void {
    if (this.#closed) throw new BlobFailure({ code: "stopping", retryAfterMs: 0 });
  }

  /** Whether there is something right to begin with; a blob that turns out to be rotten at its first piece is fetched again instead. */
  async #isReadable(stored: StoredBlob): Promise<boolean> {
    const check = this.#deps.firstUse.of(stored);
    if (check === undefined) return true;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const stop = check.onChange(() => {
      resolve(undefined);
    });
    if (check.have.count === 0 && stored.complete) await promise;
    stop();
    return stored.complete;
  }

  #fromDisk(stored: StoredBlob): ReadableBlob {
    const read = (offset: number, into: Uint8Array): Promise<void> => {
      this.#deps.books.received("disk", into.length);
      return stored.read(offset, into);
    };
    const whole = { start: 0, end: stored.task.size };
    this.#deps.records.readFromDisk(stored.task.digest);
    const check = this.#deps.firstUse.of(stored);
    const blob: StreamedBlob =
      check === undefined
        ? { task: stored.task, have: stored.have, proven: true, read }
        : {
            task: stored.task,
            have: check.have,
            get proven() {
              return check.isRight();
            },
            read,
          };
    const close = (): void => {
      stored[Symbol.dispose]();
    };
    return {
      task: stored.task,
      from: "disk",
      openStream: (range = whole) => {
        let stop = (): void => undefined;
        const stream = new BlobStream(blob, range, this.#deps.buffers, {
          onAdvance: () => undefined,
          onClose: () => {
            stop();
          },
        });
        if (check !== undefined) stop = followCheck(check, stream);
        return stream;
      },
      settled: () => Promise.resolve(),
      close,
      abandon: close,
    };
  }

  #holdingOf({ task, complete, have, facts }: Pick<StoredBlob, "task" | "complete" | "have" | "facts">): Holding | undefined {
    if (task.size === 0 || (!complete && have.count === 0)) return undefined;
    // Proven already and on its way to its place on disk: whoever completes it now tells no scheduler again.
    const proven = complete || this.#runners.get(taskId(task))?.proven === true;
    return { task, proven, have, registry: facts.registry ?? "" };
  }

  #toldWrong({ digest }: Task, { fault, registry, blocked }: Extract<SchedulerOrder, { type: "fault" }>): void {
    this.#deps.log.warn("the scheduler found this host, or what a registry sent it, to be wrong", {
      task: digest,
      fault,
      registry,
      blocked,
    });
    this.#deps.books.wrongBytes(blocked ? "told-blocked" : "told-wrong", registry === "" ? fault : `${fault} of ${registry}`, digest);
  }

  #tellTable(task: Task): void {
    const stored = this.#deps.store.open(task);
    if (stored === undefined) {
      this.#deps.link().dropped(task);
      return;
    }
    void tableOf(stored, this.#deps.buffers)
      .then(
        (hashes) => {
          this.#deps.link().report(task, { type: "table", hashes });
        },
        (error: unknown) => {
          this.#deps.log.warn("blob could not be read for its piece table", { task: task.digest, error });
        },
      )
      .finally(() => {
        stored[Symbol.dispose]();
      });
  }
}

/** Whether a wish may not have what is stored: there is something of the blob, and it came through another registry. */
function isElsewhere({ have, facts }: StoredBlob, wish: BlobWish): boolean {
  return wish.ownOnly === true && have.count > 0 && facts.registry !== wish.facts.registry;
}

function elsewhere(): BlobFailure {
  return new BlobFailure({ code: "not-shown", retryAfterMs: 0 });
}

/** The peer, held for one more who wants it; throws where what it has is another registry's word. */
function boarded(running: PeerRunner, wish: BlobWish): PeerRunner {
  const isOwn = running.isOf(wish.facts.registry);
  if (!running.proven && !isOwn) throw new BlobFailure({ code: "other-registry", retryAfterMs: 0 });
  if (wish.ownOnly === true && !isOwn) throw elsewhere();
  running.join(wish);
  running.hold();
  return running;
}

/** Wakes a stream as its blob is found right piece by piece, and fails it where it is not. */
function followCheck(check: CheckedBlob, stream: BlobStream): () => void {
  void check.ended.then((right) => {
    if (right) stream.wake();
    else stream.fail(new BlobFailure({ code: "wrong-bytes", retryAfterMs: 0 }));
  });
  return check.onChange(() => {
    stream.wake();
  });
}
