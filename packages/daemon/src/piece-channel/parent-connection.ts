import type { Socket } from "node:net";
import type { HostId, PieceRun } from "@darner/domain";
import { encodePieceFrame, PIECE_CHANNEL_VERSION, type PieceFrame, type ReadPieceFrame } from "@darner/protocol";
import { parseListen, type CancelTimer, type Logger, type Timers } from "@darner/runtime";
import type { Identity } from "../identity/identity.ts";
import type { MemberGate, MemberHandshake, MemberStep } from "../membership/member-gate.ts";
import { AskedRun } from "./asked-run.ts";
import type { ByteLimit, ChannelEncryption, ObserveChannel } from "./channel-event.ts";
import { dial } from "./dial.ts";
import { Intake, type IncomingPiece } from "./intake.ts";
import { KeyProof } from "./key-proof.ts";
import type { ChannelFailure, ParentAddress, PieceRequest } from "./piece-channel.ts";

/** How patient a child is, in milliseconds. */
export type PieceFetcherTimeouts = {
  /** From dialling to the parent's first word. */
  readonly connectMs: number;
  /** Without any byte while something is wanted. */
  readonly silentMs: number;
  /** For a connection on which nothing is wanted. */
  readonly idleMs: number;
};

/** What a connection to a parent works with. */
export type ParentConnectionDeps = {
  readonly identity: Identity;
  readonly gate: MemberGate;
  readonly encryption: ChannelEncryption;
  readonly timeouts: PieceFetcherTimeouts;
  readonly limit: ByteLimit | undefined;
  readonly timers: Timers;
  readonly log: Logger;
  readonly observe: ObserveChannel;
  /** Told once, when the connection is over; `opened`: it had stood. */
  readonly onClosed: (connection: ParentConnection, failure: ChannelFailure, opened: boolean) => void;
};

/**
 * dialling → (proving, without TLS) → (admitting, where only members are let in) → greeting → open → closed.
 * `proving`: the parent has yet to show its key. `admitting`: it is who it should be, and has yet to show that this is a member.
 * `greeting`: its `hello` is to come.
 */
type State = "dialling" | "proving" | "admitting" | "greeting" | "open" | "closed";

// Requests without an answer, cancelled ones included: four times what a parent lets stand, so that only one that answers nothing gets here.
const MAX_UNANSWERED = 1024;

// A parent gives a sign for each request once a second; a busy one may give several late ones at once.
const SIGN_WINDOW_MS = 4000;
const SIGNS_PER_REQUEST = 16;

/** The child's end of a connection to one parent: asks, and puts the pieces that come into their writers. */
export class ParentConnection {
  readonly parent: ParentAddress;
  readonly #deps: ParentConnectionDeps;
  readonly #intake: Intake;
  readonly #socket: Socket;
  readonly #proof: KeyProof;
  readonly #member: MemberHandshake | undefined;
  readonly #asked = new Map<number, AskedRun>();
  readonly #cancelTimeout: CancelTimer;
  #state: State = "dialling";
  #nextId = 1;
  #incoming: { readonly asked: AskedRun; readonly piece: IncomingPiece } | undefined;
  #lastByteAt: number;
  #idleSince: number;
  #signs = 0;
  #signsSince = 0;

  constructor(parent: ParentAddress, deps: ParentConnectionDeps) {
    this.parent = parent;
    this.#deps = deps;
    this.#lastByteAt = this.#idleSince = deps.timers.now();
    this.#proof = new KeyProof(deps.identity, "child");
    this.#member = deps.gate.handshake("child", parent.host);
    this.#intake = new Intake({
      heard: (read) => this.#heard(read),
      bytesCame: (bytes, wanted) => {
        this.#bytesCame(bytes, wanted);
      },
      pieceCame: () => {
        this.#pieceCame();
      },
      writerFailed: ({ piece }, writer) => {
        this.#incoming?.asked.request.sink.end(piece, writer);
      },
      resume: () => {
        this.#lastByteAt = deps.timers.now();
        this.#socket.resume();
      },
      overrun: () => {
        this.#close("channel-lost");
      },
    });
    this.#socket = this.#dial();
    this.#cancelTimeout = deps.timers.setTimeout(() => {
      this.#close("channel-lost");
    }, deps.timeouts.connectMs);
  }

  /** Asks for the pieces of a run (at most `MAX_RUN_PIECES`). Never rejects. */
  async ask(request: PieceRequest, run: PieceRun): Promise<ChannelFailure | undefined> {
    if (request.signal.aborted) return undefined;
    if (this.#state === "closed") return "channel-lost";
    if (this.#asked.size >= MAX_UNANSWERED) return "parent-busy";
    const asked = new AskedRun(this.#nextId++, request, run);
    if (asked.isDone) return undefined;
    if (this.#asked.size === 0) this.#lastByteAt = this.#deps.timers.now();
    this.#asked.set(asked.id, asked);
    const onAbort = (): void => {
      this.#cancel(asked);
    };
    request.signal.addEventListener("abort", onAbort, { once: true });
    if (this.#isGreeted) this.#send({ type: "want", want: asked.want() });
    const outcome = await asked.outcome;
    request.signal.removeEventListener("abort", onAbort);
    return outcome;
  }

  /** Whether nothing is wanted from the parent. */
  get isIdle(): boolean {
    return this.#asked.size === 0;
  }

  /** Ends the connection where the parent has been silent, or nobody has wanted anything, for too long. */
  checkTimes(now: number): void {
    const { silentMs, idleMs } = this.#deps.timeouts;
    if (this.#asked.size === 0) {
      if (now - this.#idleSince > idleMs) this.#close("channel-lost");
      return;
    }
    if (this.#state === "open" && !this.#intake.held && now - this.#lastByteAt > silentMs) this.#close("parent-silent");
  }

  close(): void {
    this.#close("channel-lost");
  }

  /** Ends the connection where the parent was removed from the cluster. */
  checkMember(): void {
    if (this.#deps.gate.denies(this.parent.host)) this.#close("not-a-member");
  }

  /** Whether requests may be written: the parent is known to be the right one. */
  get #isGreeted(): boolean {
    return this.#state === "greeting" || this.#state === "open";
  }

  #dial(): Socket {
    const at = parseListen(this.parent.address) ?? { host: "", port: 0 };
    return dial(at, this.#deps.encryption, this.#deps.identity, {
      onread: { buffer: this.#intake.buffer, callback: (bytes, buffer) => this.#received(bytes, buffer) },
      connected: (host) => {
        this.#connected(host);
      },
      closed: () => {
        this.#close("channel-lost");
      },
    });
  }

  #received(bytes: number, buffer: Uint8Array): boolean {
    this.#lastByteAt = this.#deps.timers.now();
    return this.#intake.received(bytes, buffer);
  }

  /** dialling → proving | greeting | closed */
  #connected(host: HostId | undefined): void {
    if (this.#state === "closed") return;
    if (this.#deps.encryption === "tls") {
      this.#meet(host);
      return;
    }
    this.#state = "proving";
    this.#socket.write(this.#proof.opening());
  }

  /** dialling | proving → admitting | greeting | closed: it is known who is there. */
  #meet(host: HostId | undefined): void {
    if (host !== this.parent.host) {
      this.#deps.log.warn("another host at the parent's address", { parent: this.parent.host, address: this.parent.address, found: host });
      this.#close("wrong-host");
      return;
    }
    if (this.#member === undefined) {
      this.#greet();
      return;
    }
    this.#state = "admitting";
    this.#stepped(this.#member.begin());
  }

  /** admitting → admitting | greeting | closed */
  #stepped(step: MemberStep): void {
    if (step.type === "failed" || this.#deps.gate.denies(this.parent.host)) {
      this.#deps.log.warn("parent is no member", { parent: this.parent.host, address: this.parent.address });
      this.#close("not-a-member");
      return;
    }
    if (step.send !== undefined) this.#send({ type: "member", word: step.send });
    if (step.type === "admitted") this.#greet();
  }

  /** dialling | proving | admitting → greeting: it may be told what is wanted. */
  #greet(): void {
    this.#state = "greeting";
    this.#send({ type: "hello", version: PIECE_CHANNEL_VERSION });
    for (const asked of this.#asked.values()) this.#send({ type: "want", want: asked.want() });
  }

  #heard(read: ReadPieceFrame): IncomingPiece | undefined {
    const said = read.ok ? this.#obey(read.frame) : false;
    if (typeof said === "object") return said;
    if (!said) this.#violated();
    return undefined;
  }

  /** Does what the frame says; false where the parent may not say it now. */
  #obey(frame: PieceFrame): IncomingPiece | boolean {
    switch (this.#state) {
      case "closed":
        return true;
      case "dialling":
        return false;
      case "proving":
        return this.#prove(frame);
      case "admitting":
        if (frame.type !== "member" || this.#member === undefined) return false;
        this.#stepped(this.#member.hear(frame.word));
        return true;
      case "greeting":
        // A parent that was known to be a member says so nevertheless.
        if (frame.type === "member") return this.#member?.hear(frame.word).type === "admitted";
        return frame.type === "hello" && frame.version === PIECE_CHANNEL_VERSION && this.#open();
      case "open":
        return this.#answer(frame);
    }
  }

  #prove(frame: PieceFrame): boolean {
    const step = this.#proof.hear(frame);
    if (step.type === "failed") return false;
    if (step.send !== undefined) this.#socket.write(step.send);
    if (step.type === "proven") this.#meet(step.host);
    return true;
  }

  /** greeting → open */
  #open(): true {
    this.#state = "open";
    this.#cancelTimeout();
    this.#deps.observe({ type: "connection-opened", side: "child" });
    return true;
  }

  #answer(frame: PieceFrame): IncomingPiece | boolean {
    if (!("request" in frame)) return false;
    const asked = this.#asked.get(frame.request);
    if (asked === undefined) return false;
    switch (frame.type) {
      case "waiting":
        return this.#isSign();
      case "piece":
        return this.#begin(asked, frame.piece, frame.length);
      case "end":
        if (!asked.isDone && !asked.isCancelled) return false;
        this.#finish(asked, undefined);
        return true;
      case "refuse":
        this.#finish(asked, frame.reason === "unknown" ? "blob-unknown" : "parent-busy");
        return true;
      case "cancel":
        return false;
    }
  }

  /** Signs of life come once a second for each request; false for a parent that sends them without end. */
  #isSign(): boolean {
    const now = this.#deps.timers.now();
    if (now - this.#signsSince >= SIGN_WINDOW_MS) {
      this.#signsSince = now;
      this.#signs = 0;
    }
    this.#signs += 1;
    return this.#signs <= SIGNS_PER_REQUEST * (this.#asked.size + 1);
  }

  #begin(asked: AskedRun, piece: number, length: number): IncomingPiece | false {
    if (!asked.takes(piece, length)) return false;
    const writer = asked.isCancelled ? undefined : asked.request.sink.begin(piece);
    const incoming = { piece, length, writer };
    this.#incoming = { asked, piece: incoming };
    return incoming;
  }

  #bytesCame(bytes: number, wanted: boolean): void {
    this.#deps.observe({ type: "bytes-received", bytes, wanted });
    this.#settleCancelled();
    const { limit } = this.#deps;
    if (limit?.tryTake(bytes) === false) this.#intake.hold(limit.take(bytes));
  }

  #pieceCame(): void {
    const { asked, piece } = this.#incoming ?? {};
    this.#incoming = undefined;
    if (asked === undefined || piece?.writer === undefined) return;
    asked.request.sink.end(piece.piece, piece.writer);
  }

  /** A cancelled request is over once none of its buffers can be written to any more. */
  #settleCancelled(): void {
    const incoming = this.#incoming;
    if (incoming?.asked.isCancelled === true && incoming.piece.writer === undefined) incoming.asked.settle(undefined);
  }

  #cancel(asked: AskedRun): void {
    if (!this.#asked.has(asked.id)) return;
    asked.cancel();
    if (!this.#isGreeted) {
      this.#finish(asked, undefined);
      return;
    }
    this.#send({ type: "cancel", request: asked.id });
    if (this.#incoming?.asked !== asked || this.#incoming.piece.writer === undefined) {
      asked.settle(undefined);
      return;
    }
    this.#intake.abandon();
    this.#settleCancelled();
  }

  #finish(asked: AskedRun, failure: ChannelFailure | undefined): void {
    this.#asked.delete(asked.id);
    if (this.#asked.size === 0) this.#idleSince = this.#deps.timers.now();
    asked.settle(asked.isCancelled ? undefined : failure);
  }

  #violated(): void {
    this.#deps.observe({ type: "connection-refused", side: "child", reason: "protocol-violation" });
    this.#deps.log.warn("parent broke the framing", { parent: this.parent.host, address: this.parent.address });
    this.#close("protocol-violation");
  }

  #send(frame: PieceFrame): void {
    this.#socket.write(encodePieceFrame(frame));
  }

  /** any → closed */
  #close(failure: ChannelFailure): void {
    if (this.#state === "closed") return;
    const opened = this.#state === "open";
    this.#state = "closed";
    this.#cancelTimeout();
    this.#socket.destroy();
    // Only now can no byte land in a writer's buffer any more.
    this.#intake.close();
    this.#incoming = undefined;
    if (opened) this.#deps.observe({ type: "connection-closed", side: "child" });
    if (failure === "wrong-host" || failure === "not-a-member") {
      this.#deps.observe({ type: "connection-refused", side: "child", reason: failure === "wrong-host" ? failure : "not-admitted" });
    }
    for (const asked of [...this.#asked.values()]) this.#finish(asked, failure);
    this.#deps.onClosed(this, failure, opened);
  }
}
