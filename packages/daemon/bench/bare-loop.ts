import { once } from "node:events";
import { open, rm, type FileHandle } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import type { Identity } from "../src/identity/identity.ts";
import { tlsOfChild, tlsOfParent } from "../src/piece-channel/channel-tls.ts";

const MIB = 1024 * 1024;

/** The least that can be done: every connection is sent the whole file, 1 MiB at a time, two buffers in turn. */
export async function serveBare(identity: Identity, path: string): Promise<{ readonly port: number } & Disposable> {
  const file = await open(path);
  const server = createServer({ ...tlsOfParent(identity, 5000), noDelay: true }, (socket) => {
    void sendAll(socket, file);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close(() => void file.close()) };
}

async function sendAll(socket: TLSSocket, file: FileHandle): Promise<void> {
  const buffers = [Buffer.allocUnsafeSlow(MIB), Buffer.allocUnsafeSlow(MIB)];
  let writing: Promise<void> = Promise.resolve();
  for (let at = 0, turn = 0; ; turn++) {
    const buffer = buffers[turn % 2] ?? Buffer.alloc(0);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    await writing;
    if (bytesRead === 0) break;
    at += bytesRead;
    writing = new Promise((resolve) =>
      socket.write(buffer.subarray(0, bytesRead), () => {
        resolve();
      }),
    );
  }
  socket.end();
}

/** Takes `size` bytes, hashes them by pieces of `pieceBytes` and writes them to a file. */
export async function fetchBare(identity: Identity, port: number, path: string, size: number, pieceBytes: number): Promise<void> {
  const file = await open(path, "w");
  const buffers = [MIB, MIB, MIB, MIB].map((bytes) => Buffer.allocUnsafeSlow(bytes));
  const writes = new Set<Promise<unknown>>();
  let hasher = new Blake3Hasher();
  let [turn, filled, at] = [0, 0, 0];
  const current = (): Buffer => buffers[turn % buffers.length] ?? Buffer.alloc(0);
  const flush = (): void => {
    const full = current().subarray(0, filled);
    hasher.update(full);
    const write = file.write(full, 0, full.length, at).finally(() => writes.delete(write));
    writes.add(write);
    at += filled;
    turn += 1;
    filled = 0;
    if (at % pieceBytes !== 0 && at !== size) return;
    hasher.digestBuffer();
    hasher = new Blake3Hasher();
  };
  const onread = {
    buffer: () => current().subarray(filled),
    callback: (bytes: number) => {
      filled += bytes;
      if (filled < MIB && at + filled < size) return true;
      flush();
      if (writes.size < buffers.length) return true;
      void Promise.race(writes).then(() => socket.resume());
      return false;
    },
  };
  const options = { ...tlsOfChild(identity), host: "127.0.0.1", port, onread };
  const socket = connect(options);
  await once(socket, "close");
  await Promise.all(writes);
  await file.close();
  await rm(path);
  if (at !== size) throw new Error(`${String(at)} of ${String(size)} bytes came`);
}
