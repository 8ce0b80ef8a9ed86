import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { HostId } from "@darner/domain";
import { feedPieceFrames, PieceFrameReader, type ReadPieceFrame } from "@darner/protocol";
import type { Identity } from "../identity/identity.ts";
import type { ChannelEncryption } from "./channel-event.ts";
import { remoteHost, tlsOfParent } from "./channel-tls.ts";
import { KeyProof } from "./key-proof.ts";

/** Who came: a socket of a host that has proven its key, or nothing. */
export type Arrival = {
  /** Called with every socket right away, so that it can be counted. */
  readonly knocked: (socket: Socket) => void;
  /** The other end has proven to be `host`; nothing of what it sent since was read. */
  readonly proven: (socket: Socket, host: HostId) => void;
  /** The other end has proven nothing; its socket is destroyed. */
  readonly failed: (socket: Socket) => void;
};

/** Makes the server that takes children in: not listening yet. `handshakeMs` is how long a child may take to prove its key. */
export function createChildServer(encryption: ChannelEncryption, identity: Identity, handshakeMs: number, arrival: Arrival): Server {
  if (encryption === "none") {
    return createServer({ noDelay: true }, (socket) => {
      arrival.knocked(socket);
      if (!socket.destroyed) provePlainly(socket, identity, handshakeMs, arrival);
    });
  }
  const server = createTlsServer({ ...tlsOfParent(identity, handshakeMs), noDelay: true }, (socket: TLSSocket) => {
    const host = remoteHost(socket);
    if (host !== undefined) arrival.proven(socket, host);
    else turnAway(socket, arrival);
  });
  // The bare connection under a handshake that is not over yet.
  server.on("connection", arrival.knocked);
  server.on("tlsClientError", (_error, socket) => {
    turnAway(socket, arrival);
  });
  return server;
}

function provePlainly(socket: Socket, identity: Identity, handshakeMs: number, arrival: Arrival): void {
  const proof = new KeyProof(identity, "parent");
  const reader = new PieceFrameReader("parent");
  const overdue = setTimeout(() => {
    turnAway(socket, arrival);
  }, handshakeMs);
  const hear = (read: ReadPieceFrame): boolean => {
    const step = read.ok ? proof.hear(read.frame) : ({ type: "failed" } as const);
    if (step.type === "more" && step.send !== undefined) socket.write(step.send);
    if (step.type === "failed") turnAway(socket, arrival);
    if (step.type === "proven") proven = step.host;
    return step.type === "more";
  };
  let proven: HostId | undefined;
  const onData = (bytes: Uint8Array): void => {
    const rest = feedPieceFrames(reader, bytes, hear);
    if (proven === undefined) return;
    clearTimeout(overdue);
    socket.off("data", onData);
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    arrival.proven(socket, proven);
  };
  socket.on("data", onData);
  socket.once("close", () => {
    clearTimeout(overdue);
  });
}

function turnAway(socket: Socket, arrival: Arrival): void {
  arrival.failed(socket);
  socket.destroy();
}
