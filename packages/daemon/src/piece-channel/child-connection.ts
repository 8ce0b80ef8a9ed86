import type { Socket } from "node:net";
import { parseTask, pieceCount, pieceRange, type HostId, type PieceRun, type Task } from "@darner/domain";
import {
  encodePieceFrame,
  feedPieceFrames,
  PIECE_CHANNEL_VERSION,
  PieceFrameReader,
  type PieceFrame,
  type ReadPieceFrame,
  type RefuseReason,
  type Want,
} from "@darner/protocol";
import type { Logger } from "@darner/runtime";
import type { StoredBlob } from "../store/store.ts";
import type { ByteLimit, ConnectionRefusal, ObserveChannel } from "./channel-event.ts";
import { Outbox } from "./outbox.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import type { SendTurn } from "./send-turn.ts";
import { StandingWant } from "./standing-want.ts";

// A child has one request per grant and blob; an image of 100 layers pulled at once stays below.
const MAX_REQUESTS = 256;
// A limited rate is shared by all children: small portions keep each of them hearing something (a child gives up after 5 s of silence).
const LIMITED_CHUNK_BYTES = 64 * 1024;
// A child says a few words for each piece it wants; at thousands of pieces a second this is still far above. A beat is a second.
const MAX_FRAMES_A_BEAT = 20_000;
// Answers to requests that a child makes without reading any: about 4000 of them, more than it may have standing.
const MAX_UNSENT_ANSWERS = 4096;

/** What a connection to a child needs of the server. */
export type ChildConnectionDeps = {
  readonly open: (task: Task) => StoredBlob | undefined;
  readonly buffers: ReadBuffers;
  /** The same for all connections of one host. */
  readonly turn: SendTurn;
  readonly limit: ByteLimit | undefined;
  readonly now: () => number;
  readonly log: Logger;
  readonly observe: ObserveChannel;
};

/** The parent's end of a connection whose child is known: hears requests, sends pieces one after the other, in turns for all requests. */
export class ChildConnection {
  readonly host: HostId;
  readonly openedAt: number;
  readonly #socket: Socket;
  readonly #deps: ChildConnectionDeps;
  readonly #reader = new PieceFrameReader("parent");
  readonly #outbox: Outbox;
  /** In the order in which their turns come. */
  readonly #wants = new Map<number, StandingWant>();
  #sending: StandingWant | undefined;
  #answers: PieceFrame[] = [];
  #framesThisBeat = 0;
  #greeted = false;
  #stopping = false;
  #closed = false;
  #wake: (() => void) | undefined;
  #idleSince: number;

  constructor(socket: Socket, host: HostId, deps: ChildConnectionDeps) {
    this.#socket = socket;
    this.host = host;
    this.#deps = deps;
    this.openedAt = deps.now();
    this.#idleSince = this.openedAt;
    this.#outbox = new Outbox(socket, deps.now);
    this.#answers.push({ type: "hello", version: PIECE_CHANNEL_VERSION });
  }

  /** Serves the child until its socket closes. Never rejects. */
  async serve(): Promise<void> {
    this.#socket.on("data", (bytes: Uint8Array) => {
      feedPieceFrames(this.#reader, bytes, (read) => this.#hear(read));
    });
    // A child that has ended its side wants nothing more: there is no half-open piece channel.
    this.#socket.once("end", () => this.#socket.destroy());
    this.#socket.once("close", () => {
      this.#close();
    });
    // A socket that has proven its key without TLS was stopped while it was handed over.
    this.#socket.resume();
    while (!this.#closed) {
      try {
        await this.#step();
      } catch (cause) {
        // The disk refused bytes in the middle of a piece: what follows could not be told from them.
        this.#deps.log.warn("piece not readable, connection to child ended", { child: this.host, error: cause });
        this.#socket.destroy();
        this.#close();
      }
    }
  }

  /** Sends no further piece: says so for every request, then ends the connection. */
  stop(): void {
    this.#stopping = true;
    this.#wakeUp();
  }

  /** Ends the connection at once. */
  refuse(reason: ConnectionRefusal): void {
    this.#deps.observe({ type: "connection-refused", side: "parent", reason });
    this.#deps.log.info("connection to child ended", { child: this.host, reason });
    this.#socket.destroy();
    this.#close();
  }

  /** The turn that all connections of this host share. */
  get turn(): SendTurn {
    return this.#deps.turn;
  }

  /** Gives a sign of life for every request that waits; to be called once a second. */
  beat(): void {
    this.#framesThisBeat = 0;
    if (this.#wake === undefined || this.#outbox.length > 0 || this.#wants.size === 0) return;
    for (const request of this.#wants.keys()) this.#answers.push({ type: "waiting", request });
    this.#wakeUp();
  }

  /** Milliseconds for which the child has wanted nothing. */
  idleMs(now: number): number {
    return this.#wants.size > 0 ? 0 : now - this.#idleSince;
  }

  /** Milliseconds for which the child has taken no byte of what is being written to it. */
  stalledMs(now: number): number {
    return this.#outbox.stalledMs(now);
  }

  /** What the child said; whether to go on listening. */
  #hear(read: ReadPieceFrame): boolean {
    if (this.#closed) return false;
    this.#framesThisBeat += 1;
    if (this.#framesThisBeat > MAX_FRAMES_A_BEAT) {
      this.refuse("too-greedy");
      return false;
    }
    if (!read.ok || !this.#obey(read.frame) || this.#answers.length > MAX_UNSENT_ANSWERS) {
      this.refuse("protocol-violation");
      return false;
    }
    this.#wakeUp();
    return true;
  }

  #obey(frame: PieceFrame): boolean {
    if (frame.type === "hello") {
      const first = !this.#greeted;
      this.#greeted = true;
      return first && frame.version === PIECE_CHANNEL_VERSION;
    }
    if (!this.#greeted) return false;
    if (frame.type === "want") return this.#stand(frame.want);
    if (frame.type === "cancel") this.#end(frame.request);
    return frame.type === "cancel";
  }

  #stand(want: Want): boolean {
    const task = parseTask(want.digest, want.size);
    if (task === undefined) return this.#turnDown(want.request, "unknown");
    if (this.#wants.has(want.request) || !isInside(want.run, pieceCount(task.size))) return false;
    if (this.#stopping || this.#wants.size >= MAX_REQUESTS) return this.#turnDown(want.request, "busy");
    const blob = this.#deps.open(task);
    if (blob === undefined) return this.#turnDown(want.request, "unknown");
    this.#wants.set(
      want.request,
      new StandingWant(want, blob, () => {
        this.#wakeUp();
      }),
    );
    return true;
  }

  #turnDown(request: number, reason: RefuseReason): true {
    this.#forget(request);
    this.#deps.observe({ type: "request-refused", reason });
    this.#answers.push({ type: "refuse", request, reason });
    return true;
  }

  #end(request: number): void {
    if (this.#forget(request)) this.#answers.push({ type: "end", request });
  }

  #forget(request: number): boolean {
    const want = this.#wants.get(request);
    if (want === undefined) return false;
    this.#wants.delete(request);
    if (want !== this.#sending) want[Symbol.dispose]();
    if (this.#wants.size === 0) this.#idleSince = this.#deps.now();
    return true;
  }

  /** Sends the answers that are due, then one piece; where there is nothing to do, waits until there is. */
  async #step(): Promise<void> {
    this.#settle();
    if (this.#answers.length > 0) {
      await this.#outbox.room(this.#deps.buffers.perChild);
      this.#outbox.push(Buffer.concat(this.#answers.map(encodePieceFrame)));
      this.#answers = [];
      return;
    }
    if (this.#stopping) {
      await this.#outbox.room(1);
      this.#socket.end();
      this.#close();
      return;
    }
    const next = this.#nextPiece();
    if (next === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
    else await this.#sendPiece(next.want, next.piece);
  }

  #settle(): void {
    for (const [request, want] of this.#wants) {
      if (want.done) this.#end(request);
      else if (want.dropped) this.#turnDown(request, "unknown");
      else if (this.#stopping) this.#turnDown(request, "busy");
    }
  }

  #nextPiece(): { readonly want: StandingWant; readonly piece: number } | undefined {
    for (const [request, want] of this.#wants) {
      const piece = want.next();
      if (piece === undefined) continue;
      // The others come first now.
      this.#wants.delete(request);
      this.#wants.set(request, want);
      return { want, piece };
    }
    return undefined;
  }

  /** A cancelled request gives its blob back, but a piece that was begun is sent to its end. */
  async #sendPiece(want: StandingWant, piece: number): Promise<void> {
    this.#sending = want;
    try {
      await this.#sendChunks(want, piece);
    } finally {
      this.#sending = undefined;
      if (this.#wants.get(want.request) !== want) want[Symbol.dispose]();
    }
  }

  async #sendChunks({ request, task, blob }: StandingWant, piece: number): Promise<void> {
    const { start, end } = pieceRange(task.size, piece);
    let header = encodePieceFrame({ type: "piece", request, piece, length: end - start });
    let at = start;
    while (at < end && !this.#closed) {
      const bytes = Math.min(end - at, this.#chunkBytes());
      await this.#sendChunk(blob, header, at, bytes);
      header = header.subarray(0, 0);
      at += bytes;
    }
  }

  async #sendChunk(blob: StoredBlob, header: Uint8Array, at: number, bytes: number): Promise<void> {
    const { buffers, limit, observe, turn } = this.#deps;
    // Not in the host's turn: a connection that takes nothing must not hold up the others of its host.
    await this.#outbox.room(buffers.perChild);
    await turn.take();
    try {
      if (limit?.tryTake(bytes) === false) await limit.take(bytes);
      const buffer = await buffers.take();
      try {
        buffer.set(header);
        if (!this.#closed) await blob.read(at, buffer.subarray(header.length, header.length + bytes));
      } catch (cause) {
        buffers.give(buffer);
        throw cause;
      }
      this.#outbox.push(buffer.subarray(0, header.length + bytes), () => {
        buffers.give(buffer);
      });
    } finally {
      turn.give();
    }
    observe({ type: "bytes-sent", bytes });
  }

  #chunkBytes(): number {
    return this.#deps.limit === undefined ? this.#deps.buffers.payloadBytes : LIMITED_CHUNK_BYTES;
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const request of [...this.#wants.keys()]) this.#forget(request);
    this.#outbox.close();
    this.#wakeUp();
  }
}

function isInside({ first, stride, count }: PieceRun, pieces: number): boolean {
  return first + stride * (count - 1) < pieces;
}
