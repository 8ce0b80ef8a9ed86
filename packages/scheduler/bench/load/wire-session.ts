import type { Duplex } from "node:stream";
import { FRAME, FRAME_HEAD_BYTES, LAST_OR_ANSWER, MessageCutter, PING, pingAnswer, SETTINGS_ANSWER, windowUpdates } from "./frames.ts";

// The window of a stream and of a connection where nobody says another (RFC 9113, section 6.5.2), and the setting that says one.
const WINDOW_BYTES = 65_535;
const INITIAL_WINDOW_SETTING = 4;
// A daemon gives a connection up when a ping of its own is not answered for so long (`SESSION_CHANNEL_OPTIONS`).
const PING_TIMEOUT_MS = 3000;

/**
 * A session as a scheduler sees one of a daemon: a connection of its own, one gRPC call, signs of life, flow control. It costs its process
 * a tenth of what one of a gRPC library does, because it reads no more of what comes than it has to.
 */
export class WireSession {
  readonly #socket: Duplex;
  readonly #onMessage: (message: Buffer) => void;
  readonly #cutter = new MessageCutter();
  #rest: Buffer = Buffer.alloc(0);
  // What may be sent yet, on the connection and on the stream, and what waits until it may: a script says no more than a few messages at once.
  #connectionWindow = WINDOW_BYTES;
  #streamWindow = WINDOW_BYTES;
  #initialWindow = WINDOW_BYTES;
  #waiting: Buffer[] = [];
  #untold = 0;
  #pingedAt: number | undefined;
  /** Why it is over; undefined while it stands. */
  ended: string | undefined;

  /** Over a connection that stands; `opening` begins the call. */
  constructor(socket: Duplex, opening: Buffer, onMessage: (message: Buffer) => void) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    socket.on("data", (bytes: Buffer) => {
      this.#read(bytes);
    });
    socket.on("error", (error) => (this.ended ??= error.message));
    socket.on("close", () => (this.ended ??= "the connection was closed"));
    socket.write(opening);
  }

  /** Sends a message, framed by `messageFrames`. */
  send(frames: Buffer): void {
    if (this.ended !== undefined) return;
    this.#waiting.push(frames);
    this.#flush();
  }

  /** Asks for a sign of life, and gives the session up where the last one was asked for too long ago. */
  ping(nowMs: number): void {
    if (this.ended !== undefined) return;
    if (this.#pingedAt === undefined) {
      this.#pingedAt = nowMs;
      this.#socket.write(PING);
    } else if (nowMs - this.#pingedAt > PING_TIMEOUT_MS) {
      this.ended = "a ping was not answered";
      this.#socket.destroy();
    }
  }

  [Symbol.dispose](): void {
    this.ended ??= "closed here";
    this.#socket.destroy();
  }

  #flush(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.length > this.#connectionWindow || next.length > this.#streamWindow) return;
      this.#connectionWindow -= next.length;
      this.#streamWindow -= next.length;
      this.#waiting.shift();
      this.#socket.write(next);
    }
  }

  #read(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (all.length - at >= FRAME_HEAD_BYTES) {
      const end = at + FRAME_HEAD_BYTES + all.readUIntBE(at, 3);
      if (end > all.length) break;
      this.#take(all[at + 3] ?? 0, all[at + 4] ?? 0, all.readUInt32BE(at + 5), all.subarray(at + FRAME_HEAD_BYTES, end));
      at = end;
    }
    this.#rest = at === all.length ? this.#rest.subarray(0, 0) : Buffer.from(all.subarray(at));
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    const isLastOrAnswer = (flags & LAST_OR_ANSWER) !== 0;
    if (type === FRAME.data) this.#takeData(payload);
    else if (type === FRAME.settings && !isLastOrAnswer) this.#takeSettings(payload);
    else if (type === FRAME.ping && isLastOrAnswer) this.#pingedAt = undefined;
    else if (type === FRAME.ping) this.#socket.write(pingAnswer(payload));
    else if (type === FRAME.windowUpdate) this.#widen(stream, payload.readUInt32BE());
    else if (type === FRAME.reset) this.ended ??= `the stream was reset: ${String(payload.readUInt32BE())}`;
    else if (type === FRAME.goAway) this.ended ??= `go away: ${String(payload.readUInt32BE(4))}`;
    if ((type === FRAME.data || type === FRAME.headers) && isLastOrAnswer) this.ended ??= "the scheduler ended the call";
  }

  #takeData(payload: Buffer): void {
    this.#untold += payload.length;
    if (this.#untold > WINDOW_BYTES / 2) {
      this.#socket.write(windowUpdates(this.#untold));
      this.#untold = 0;
    }
    this.#cutter.cut(payload, this.#onMessage);
  }

  #takeSettings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== INITIAL_WINDOW_SETTING) continue;
      const initial = payload.readUInt32BE(at + 2);
      this.#streamWindow += initial - this.#initialWindow;
      this.#initialWindow = initial;
    }
    this.#socket.write(SETTINGS_ANSWER);
    this.#flush();
  }

  #widen(stream: number, bytes: number): void {
    if (stream === 0) this.#connectionWindow += bytes;
    else this.#streamWindow += bytes;
    this.#flush();
  }
}
