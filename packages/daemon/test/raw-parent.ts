import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { encodePieceFrame, feedPieceFrames, PieceFrameReader, type PieceFrame } from "@darner/protocol";
import type { Identity } from "../src/identity/identity.ts";
import { tlsOfParent } from "../src/piece-channel/channel-tls.ts";

/** One connection as a parent without any sense sees it. */
export type Guest = { readonly socket: Socket; readonly heard: PieceFrame[]; say(...parts: readonly (PieceFrame | Uint8Array)[]): void };

/** A parent that says exactly what the test wants it to. */
export class RawParent implements AsyncDisposable {
  readonly guests: Guest[] = [];
  /** Connections that were taken, whatever became of them. */
  knocks = 0;
  /** Called for every request, where it is set; a greeting is then answered by itself. */
  onWant: ((guest: Guest, frame: Extract<PieceFrame, { type: "want" }>) => void) | undefined;
  readonly #server: Server;
  #onNews: (() => void) | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on loopback: with TLS as a host, or without any. */
  static async listen(identity: Identity | undefined): Promise<RawParent> {
    const server = identity === undefined ? createServer() : createTlsServer(tlsOfParent(identity, 5000));
    const raw = new RawParent(server);
    server.on("connection", () => (raw.knocks += 1));
    server.on(identity === undefined ? "connection" : "secureConnection", (socket: Socket) => {
      raw.#greet(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return raw;
  }

  get address(): string {
    return `127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** The first guest, once it has said something of this type. */
  async heard(type: PieceFrame["type"], times = 1): Promise<Guest> {
    for (;;) {
      const guest = this.guests.find(({ heard }) => heard.filter((frame) => frame.type === type).length >= times);
      if (guest !== undefined) return guest;
      await new Promise<void>((resolve) => (this.#onNews = resolve));
    }
  }

  #greet(socket: Socket): void {
    const guest: Guest = {
      socket,
      heard: [],
      say: (...parts) => socket.write(Buffer.concat(parts.map((part) => (part instanceof Uint8Array ? part : encodePieceFrame(part))))),
    };
    this.guests.push(guest);
    const reader = new PieceFrameReader("parent");
    socket.on("error", () => {});
    socket.on("data", (bytes: Uint8Array) => {
      feedPieceFrames(reader, bytes, (read) => {
        if (read.ok) this.#answer(guest, read.frame);
        return read.ok;
      });
      this.#onNews?.();
    });
  }

  #answer(guest: Guest, frame: PieceFrame): void {
    if (this.onWant === undefined) {
      guest.heard.push(frame);
      return;
    }
    if (frame.type === "hello") guest.say(frame);
    if (frame.type === "want") this.onWant(guest, frame);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.guests) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
