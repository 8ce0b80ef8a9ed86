import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Task } from "@darner/domain";
import { encodePieceFrame, feedPieceFrames, PIECE_CHANNEL_VERSION, PieceFrameReader, type PieceFrame } from "@darner/protocol";
import { parseListen } from "@darner/runtime";
import type { Identity } from "../src/identity/identity.ts";
import { tlsOfChild } from "../src/piece-channel/channel-tls.ts";

/** A child made of nothing but a socket: says what the test wants, and hears frames and the bytes of pieces. */
export class RawChild implements Disposable {
  readonly socket: Socket;
  readonly frames: PieceFrame[] = [];
  pieceBytes = 0;
  readonly #reader = new PieceFrameReader("child");
  #pieceLeft = 0;
  #onNews: (() => void) | undefined;
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Uint8Array) => {
      this.#take(bytes);
      this.#onNews?.();
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      this.closed = true;
      this.#onNews?.();
    });
  }

  /** Connects over TLS, as a host or as nobody; resolves too where the parent ends the connection. */
  static async connect(address: string, as: Identity | undefined): Promise<RawChild> {
    const at = parseListen(address);
    assert.ok(at !== undefined);
    const socket = connectTls({ ...(as === undefined ? { rejectUnauthorized: false } : tlsOfChild(as)), ...at });
    const child = new RawChild(socket);
    await Promise.race([once(socket, "secureConnect"), once(socket, "close")]);
    return child;
  }

  say(...frames: readonly PieceFrame[]): void {
    this.socket.write(Buffer.concat(frames.map(encodePieceFrame)));
  }

  greet(): void {
    this.say({ type: "hello", version: PIECE_CHANNEL_VERSION });
  }

  want(request: number, { digest, size }: Task, count: number, first = 0): void {
    this.say({ type: "want", want: { request, digest, size, run: { first, stride: 1, count }, skip: new Uint8Array() } });
  }

  async until(isTrue: (child: RawChild) => boolean): Promise<void> {
    while (!isTrue(this)) {
      assert.ok(!this.closed, `closed after ${JSON.stringify(this.frames)}`);
      await new Promise<void>((resolve) => (this.#onNews = resolve));
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => (this.#onNews = resolve));
  }

  heard(type: PieceFrame["type"]): PieceFrame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  #take(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const ofPiece = Math.min(this.#pieceLeft, rest.length);
      this.#pieceLeft -= ofPiece;
      this.pieceBytes += ofPiece;
      rest = feedPieceFrames(this.#reader, rest.subarray(ofPiece), (read) => {
        assert.ok(read.ok);
        this.frames.push(read.frame);
        if (read.frame.type === "piece") this.#pieceLeft = read.frame.length;
        return read.frame.type !== "piece";
      });
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
