import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { HostId } from "@darner/domain";
import { encodePieceFrame, feedPieceFrames, PieceFrameReader, type PieceFrame, type ReadPieceFrame } from "@darner/protocol";
import type { Identity } from "../identity/identity.ts";
import type { MemberGate } from "../membership/member-gate.ts";
import type { ChannelEncryption } from "./channel-event.ts";
import { remoteHost, tlsOfParent } from "./channel-tls.ts";
import { KeyProof } from "./key-proof.ts";

/** Who came: a socket of a member that has proven its key, or nothing. */
export type Arrival = {
  /** Called with every socket right away, so that it can be counted. */
  readonly knocked: (socket: Socket) => void;
  /** The other end has proven to be `host`, and that this is a member; nothing of what it sent since was read. */
  readonly proven: (socket: Socket, host: HostId) => void;
  /** The other end has not; its socket is destroyed. */
  readonly failed: (socket: Socket, reason: "handshake-failed" | "not-admitted", host?: HostId) => void;
};

/** What the door works with; `handshakeMs` is how long a child may take to prove its key, and then that it is a member. */
export type ChildDoor = {
  readonly encryption: ChannelEncryption;
  readonly identity: Identity;
  readonly gate: MemberGate;
  readonly handshakeMs: number;
};

/** Makes the server that takes children in: not listening yet. */
export function createChildServer(door: ChildDoor, arrival: Arrival): Server {
  const { encryption, identity, handshakeMs } = door;
  if (encryption === "none") {
    return createServer({ noDelay: true }, (socket) => {
      arrival.knocked(socket);
      if (!socket.destroyed) provePlainly(socket, door, arrival);
    });
  }
  const server = createTlsServer({ ...tlsOfParent(identity, handshakeMs), noDelay: true }, (socket: TLSSocket) => {
    const host = remoteHost(socket);
    if (host !== undefined) proveMember(socket, host, door, arrival);
    else turnAway(socket, arrival);
  });
  // The bare connection under a handshake that is not over yet.
  server.on("connection", arrival.knocked);
  server.on("tlsClientError", (_error, socket) => {
    turnAway(socket, arrival);
  });
  return server;
}

function provePlainly(socket: Socket, door: ChildDoor, arrival: Arrival): void {
  const proof = new KeyProof(door.identity, "parent");
  let proven: HostId | undefined;
  const hear = (frame: PieceFrame): Heard => {
    const step = proof.hear(frame);
    if (step.type === "proven") proven = step.host;
    return { over: step.type, ...(step.type !== "failed" && step.send !== undefined ? { send: step.send } : {}) };
  };
  hearFrames(socket, door.handshakeMs, hear, (ok) => {
    if (ok && proven !== undefined) proveMember(socket, proven, door, arrival);
    else turnAway(socket, arrival);
  });
}

/** The other end is known to be `host`; now it shows that this is a member. */
function proveMember(socket: Socket, host: HostId, { gate, handshakeMs }: ChildDoor, arrival: Arrival): void {
  const handshake = gate.handshake("parent", host);
  if (handshake === undefined) {
    arrival.proven(socket, host);
    return;
  }
  const hear = (frame: PieceFrame): Heard => {
    const step = frame.type === "member" && !gate.denies(host) ? handshake.hear(frame.word) : ({ type: "failed" } as const);
    const send = step.type === "failed" || step.send === undefined ? {} : { send: encodePieceFrame({ type: "member", word: step.send }) };
    return { over: step.type === "admitted" ? "proven" : step.type, ...send };
  };
  hearFrames(socket, handshakeMs, hear, (ok) => {
    if (ok) {
      arrival.proven(socket, host);
      return;
    }
    arrival.failed(socket, "not-admitted", host);
    socket.destroy();
  });
}

/** What a frame of a handshake brought: `send` first, where there is something. */
type Heard = { readonly over: "more" | "proven" | "failed"; readonly send?: Uint8Array };

/** Hands frames to `hear` until it is over, in time or not; what came behind the last one is left in the socket. */
function hearFrames(socket: Socket, handshakeMs: number, hear: (frame: PieceFrame) => Heard, done: (ok: boolean) => void): void {
  const reader = new PieceFrameReader("parent");
  let over: Heard["over"] = "more";
  const end = (ok: boolean, rest?: Uint8Array): void => {
    clearTimeout(overdue);
    socket.off("data", onData);
    socket.off("close", onClose);
    socket.pause();
    if (ok && rest !== undefined && rest.length > 0) socket.unshift(rest);
    done(ok);
  };
  const take = (read: ReadPieceFrame): boolean => {
    const heard: Heard = read.ok ? hear(read.frame) : { over: "failed" };
    if (heard.send !== undefined) socket.write(heard.send);
    over = heard.over;
    return over === "more";
  };
  const onData = (bytes: Uint8Array): void => {
    const rest = feedPieceFrames(reader, bytes, take);
    if (over !== "more") end(over === "proven", rest);
  };
  const onClose = (): void => {
    clearTimeout(overdue);
  };
  const overdue = setTimeout(() => {
    end(false);
  }, handshakeMs);
  socket.on("data", onData);
  socket.once("close", onClose);
  // It was stopped while it was handed over from one handshake to the next.
  socket.resume();
}

function turnAway(socket: Socket, arrival: Arrival): void {
  arrival.failed(socket, "handshake-failed");
  socket.destroy();
}
