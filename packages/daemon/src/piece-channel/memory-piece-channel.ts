import type { HostId, Task } from "@darner/domain";
import { pieceRange } from "@darner/domain";
import type { BlobStore, PieceWriter, StoredBlob } from "../store/store.ts";
import { AskedRun } from "./asked-run.ts";
import type { ChannelFailure, PieceFetcher, PieceRequest } from "./piece-channel.ts";
import { StandingWant } from "./standing-want.ts";

/** A host that serves in memory. */
export type MemoryParent = {
  readonly host: HostId;
  readonly store: BlobStore;
  readonly lend: (task: Task) => StoredBlob | undefined;
};

type Served = MemoryParent & { readonly gone: AbortController };

/** The piece channel without a network: hosts of one process that copy pieces from each other's stores, by the rules of the real one. */
export class MemoryPieceChannel {
  readonly #parents = new Map<string, Served>();

  /** Serves at `address` until the returned function is called. */
  serve(address: string, parent: MemoryParent): () => void {
    const served = { ...parent, gone: new AbortController() };
    this.#parents.set(address, served);
    return () => {
      this.#parents.delete(address);
      served.gone.abort();
    };
  }

  /** The child's side. */
  openFetcher(): PieceFetcher {
    const closed = new AbortController();
    return {
      fetch: (request) => (closed.signal.aborted ? Promise.resolve("channel-lost") : this.#fetch(request, closed.signal)),
      [Symbol.asyncDispose]: () => {
        closed.abort();
        return Promise.resolve();
      },
    };
  }

  #fetch(request: PieceRequest, closed: AbortSignal): Promise<ChannelFailure | undefined> {
    const { address, host } = request.parent;
    const parent = this.#parents.get(address);
    if (request.signal.aborted || request.run.count === 0) return Promise.resolve(undefined);
    if (parent === undefined) return Promise.resolve("channel-lost");
    if (parent.host !== host) return Promise.resolve("wrong-host");
    return copyRun(parent, request, closed);
  }
}

async function copyRun(parent: Served, request: PieceRequest, closed: AbortSignal): Promise<ChannelFailure | undefined> {
  const blob = parent.store.open(request.task) ?? parent.lend(request.task);
  if (blob === undefined) return "blob-unknown";
  const over = AbortSignal.any([request.signal, parent.gone.signal, closed]);
  let wake = Promise.withResolvers<undefined>();
  const wakeUp = (): void => {
    wake.resolve(undefined);
  };
  over.addEventListener("abort", wakeUp);
  using want = new StandingWant(new AskedRun(1, request, request.run).want(), blob, wakeUp);
  for (;;) {
    if (request.signal.aborted) return undefined;
    if (closed.aborted) return "channel-lost";
    if (parent.gone.signal.aborted) return "parent-busy";
    if (want.dropped) return "blob-unknown";
    const piece = want.next();
    if (piece !== undefined) await copyPiece(blob, piece, request, over);
    else if (want.done) return undefined;
    else await wake.promise;
    wake = Promise.withResolvers<undefined>();
  }
}

async function copyPiece(blob: StoredBlob, piece: number, { task, sink }: PieceRequest, over: AbortSignal): Promise<void> {
  const writer = sink.begin(piece);
  if (writer === undefined) return;
  const { start, end } = pieceRange(task.size, piece);
  let at = start;
  while (at < end && !over.aborted) {
    const space = writer.space();
    if (space !== undefined) {
      await blob.read(at, space);
      writer.commit(space.length);
      at += space.length;
    } else if (!(await hasRoom(writer))) {
      at = end;
    }
  }
  if (at === end) sink.end(piece, writer);
  else writer.abort();
}

/** Waits for room; false where the disk has refused. */
async function hasRoom(writer: PieceWriter): Promise<boolean> {
  try {
    await writer.drained();
    return true;
  } catch {
    return false;
  }
}
