import { createCipheriv, createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const BLOCK_BYTES = 16;
const STEP_BYTES = 256 * 1024;
// Any key does: the bytes only have to look random and be the same every time.
const KEY = Buffer.alloc(16, "darner");

/** A blob that is made while it is sent: its bytes are nowhere. */
export type GeneratedBlob = { readonly digest: string; readonly size: number; readonly seed: number };

/** The bytes of a blob from `start` to `end`, in steps (AES in counter mode can begin at any block). */
function* bytesOf({ seed }: { readonly seed: number }, start: number, end: number): Generator<Buffer> {
  const counter = Buffer.alloc(BLOCK_BYTES);
  counter.writeUInt32BE(seed, 0);
  counter.writeUInt32BE(Math.floor(start / BLOCK_BYTES), BLOCK_BYTES - 4);
  const cipher = createCipheriv("aes-128-ctr", KEY, counter);
  cipher.update(Buffer.alloc(start % BLOCK_BYTES));
  const zeros = Buffer.alloc(STEP_BYTES);
  for (let at = start; at < end; at += STEP_BYTES) yield cipher.update(zeros.subarray(0, Math.min(STEP_BYTES, end - at)));
}

/** A registry of blobs of any size that cost no memory and no disk. */
export class GeneratedRegistry implements AsyncDisposable {
  readonly #server: Server;
  readonly #blobs = new Map<string, GeneratedBlob>();
  /** Body bytes of blobs handed to sockets so far. */
  sentBytes = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      // Who goes away in the middle is no failure of the registry.
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async open(): Promise<GeneratedRegistry> {
    const registry = new GeneratedRegistry();
    registry.#server.listen(0, "127.0.0.1");
    await once(registry.#server, "listening");
    return registry;
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** Makes a blob of `size` bytes: hashes them once. */
  add(size: number, seed: number): GeneratedBlob {
    const hash = createHash("sha256");
    for (const bytes of bytesOf({ seed }, 0, size)) hash.update(bytes);
    const blob = { digest: `sha256:${hash.digest("hex")}`, size, seed };
    this.#blobs.set(blob.digest, blob);
    return blob;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const blob = this.#blobs.get(/\/blobs\/([^?]+)/.exec(request.url ?? "")?.[1] ?? "");
    if (blob === undefined) {
      response.writeHead(404).end();
      return;
    }
    const asked = /^bytes=([0-9]+)-([0-9]*)$/.exec(request.headers.range ?? "");
    const start = Number(asked?.[1] ?? 0);
    const end = Math.min(blob.size, asked?.[2] === undefined || asked[2] === "" ? blob.size : Number(asked[2]) + 1);
    const part = asked === null ? {} : { "content-range": `bytes ${String(start)}-${String(end - 1)}/${String(blob.size)}` };
    response.writeHead(asked === null ? 200 : 206, { "content-type": "application/octet-stream", "content-length": end - start, ...part });
    if (request.method === "HEAD") response.end();
    else await pipeline(Readable.from(this.#counted(bytesOf(blob, start, end))), response);
  }

  *#counted(chunks: Iterable<Buffer>): Generator<Buffer> {
    for (const chunk of chunks) {
      this.sentBytes += chunk.length;
      yield chunk;
    }
  }
}
