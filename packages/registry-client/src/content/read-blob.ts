import { sleep } from "@darner/runtime";
import type { BlobRead, ByteSink, ContentRequest } from "../registry-client.ts";
import { RegistryError } from "../registry-error.ts";
import { WireError, type ChunkSink } from "../wire/answer.ts";
import type { HopAnswer } from "../wire/hops.ts";
import type { Upstream } from "../wire/upstream.ts";
import { judgeBlobAnswer, type Delivery } from "./blob-answer.ts";
import { ask, type ContentParts } from "./content-client.ts";
import { invalidAnswer, unavailable } from "./failure.ts";
import { readManifest } from "./manifest.ts";

// Contract case 52: three tries that bring nothing, and the registry counts as gone.
const MAX_FRUITLESS_TRIES = 3;
// A stream that breaks a hundred times, however much each part brings, is a registry that makes requests out of bytes.
const MAX_TRIES = 100;
// A moment for a restart or a failing node behind a load balancer; times the number of tries in vain.
const PAUSE_MS = 200;

/** Reads a range of a blob (contracts/registry-mirror.md cases 51, 52, 73, 76, 82, 83); see `RegistryClient.readBlob`. */
export async function readBlob(parts: ContentParts, upstream: Upstream, read: BlobRead, sink: ByteSink): Promise<void> {
  const { range, signal } = read;
  signal.throwIfAborted();
  if (read.kind === "manifest") return deliverManifest(parts, upstream, read, sink);
  const cursor = new Cursor(range.start, range.end, sink);
  let fruitless = 0;
  for (let tries = 1; cursor.position < range.end; tries += 1) {
    const before = cursor.position;
    const broken = await tryOnce(parts, upstream, read, cursor);
    fruitless = cursor.position > before ? 0 : fruitless + 1;
    if (cursor.position < range.end && (fruitless >= MAX_FRUITLESS_TRIES || tries >= MAX_TRIES)) throw gaveUp(upstream, broken);
    if (broken === undefined) continue;
    parts.log.debug("source stream broke", { registry: upstream.name, digest: read.digest, at: cursor.position, fruitless });
    if (fruitless > 0) await sleep(PAUSE_MS * fruitless, signal, parts.timers);
  }
}

/** One request, from the registry's URL every time (new redirect, token renewed by the sender). Resolves with what broke it, if that may pass. */
async function tryOnce(parts: ContentParts, upstream: Upstream, read: BlobRead, cursor: Cursor): Promise<Error | undefined> {
  const { range, size } = read;
  const wanted = { start: cursor.position, end: range.end };
  const whole = wanted.start === 0 && wanted.end === size;
  try {
    const sent = await ask(parts, upstream, requestOf(read), "GET", whole ? undefined : wanted);
    const verdict = await judgeBlobAnswer(upstream, sent, {
      wanted,
      ranged: !whole,
      coversAll: range.start === 0 && range.end === size,
      size,
    });
    if (verdict.kind === "range-ignored") throw rangeIgnored(upstream, cursor, range.start);
    await deliver(upstream, sent, verdict, cursor);
    return undefined;
  } catch (error) {
    if (isPassing(error)) return error;
    throw error;
  }
}

async function deliver(upstream: Upstream, { answer }: HopAnswer, delivery: Delivery, cursor: Cursor): Promise<void> {
  let at = delivery.start;
  const take: ChunkSink = (chunk) => {
    const from = at;
    at += chunk.length;
    if (at > delivery.end) throw invalidAnswer(upstream, "a longer body than it said");
    // What was delivered before a registry without Range started over is read and dropped.
    return at <= cursor.position ? undefined : cursor.take(from < cursor.position ? chunk.subarray(cursor.position - from) : chunk);
  };
  await answer.pipe(take);
  if (at < delivery.end) throw new WireError(true, new Error("the body ended early"));
}

/** How far a read has come. */
class Cursor {
  position: number;
  readonly #end: number;
  readonly #sink: ByteSink;

  constructor(start: number, end: number, sink: ByteSink) {
    this.position = start;
    this.#end = end;
    this.#sink = sink;
  }

  take(bytes: Uint8Array): void | Promise<void> {
    const at = this.position;
    this.position = Math.min(at + bytes.length, this.#end);
    return this.#sink(bytes, at);
  }
}

/** Whether a failure may be gone at the next try: no connection, a body that broke, a server or storage host in trouble. */
function isPassing(error: unknown): error is Error {
  if (error instanceof WireError) return !(error.cause instanceof RegistryError);
  // A registry that says when to come back is not asked before.
  return error instanceof RegistryError && error.detail.code === "unavailable" && error.detail.retryAfterMs === undefined;
}

function gaveUp(upstream: Upstream, error: Error | undefined): RegistryError {
  return error instanceof RegistryError ? error : unavailable(upstream, error);
}

function rangeIgnored(upstream: Upstream, cursor: Cursor, start: number): RegistryError {
  // In the middle of a range this promise cannot be made any more: somebody has bytes already.
  if (cursor.position > start) return invalidAnswer(upstream, "a part of the range and then the whole blob");
  return new RegistryError({ code: "range-ignored" }, `${upstream.name} answered a Range with the whole blob`);
}

function requestOf({ repository, kind, digest, authority, signal }: BlobRead): ContentRequest {
  return { repository, kind, reference: digest, authority, signal };
}

async function deliverManifest(parts: ContentParts, upstream: Upstream, read: BlobRead, sink: ByteSink): Promise<void> {
  const { bytes } = await readManifest(parts, upstream, requestOf(read));
  if (bytes.length !== read.size) throw invalidAnswer(upstream, `a manifest of ${String(bytes.length)} bytes, not ${String(read.size)}`);
  const { start, end } = read.range;
  if (end > start) await sink(bytes.subarray(start, end), start);
}
