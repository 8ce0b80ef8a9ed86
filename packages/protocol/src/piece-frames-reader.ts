import { FRAME_FORMS, FRAME_HEADER_BYTES, MAX_RUN_PIECES, REFUSE_REASONS, WANT_FIXED_BYTES } from "./piece-frames.ts";
import type { PieceFrame, PieceFrameHearer, RefuseReason, Want } from "./piece-frames.ts";

/** Why bytes are no frame; the connection they came on is of no more use. */
export type PieceFrameProblem =
  /** No such kind of frame, or not one this end may be sent. */
  | "unknown-frame"
  /** A length that this kind of frame cannot have. */
  | "false-length"
  /** A request that names no pieces, too many, or none that a blob can have. */
  | "bad-want"
  /** A reason for refusing that does not exist. */
  | "bad-reason";

/** What came out of the bytes: a frame, or what is wrong. */
export type ReadPieceFrame =
  { readonly ok: true; readonly frame: PieceFrame } | { readonly ok: false; readonly problem: PieceFrameProblem };

type FrameType = PieceFrame["type"];

// Nearly every frame fits; longer ones (requests with a bitmap) get a buffer of their own, bounded by their form.
const USUAL_FRAME_BYTES = 160;

/**
 * Puts frames together from bytes that come in any portions: ask `space` where the next bytes go, then `commit` how many came.
 * It holds one frame at a time and never more than the longest frame has; the bytes of a piece are not its business.
 * After a problem it must not be used any more.
 */
export class PieceFrameReader {
  readonly #hearer: PieceFrameHearer;
  readonly #usual = new Uint8Array(USUAL_FRAME_BYTES);
  #buffer: Uint8Array = this.#usual;
  #filled = 0;
  #needed = FRAME_HEADER_BYTES;
  #type: FrameType | undefined;

  constructor(hearer: PieceFrameHearer) {
    this.#hearer = hearer;
  }

  /** Where the next bytes go: exactly what the frame (or its header) still lacks; never empty. */
  space(): Uint8Array {
    return this.#buffer.subarray(this.#filled, this.#needed);
  }

  /** The first `bytes` of what `space` gave are filled; gives the frame when it is whole. */
  commit(bytes: number): ReadPieceFrame | undefined {
    this.#filled += bytes;
    if (this.#filled < this.#needed) return undefined;
    return this.#type === undefined ? this.#takeHeader() : this.#takePayload(this.#type);
  }

  #takeHeader(): ReadPieceFrame | undefined {
    const kind = this.#buffer[0] ?? 0;
    const length = viewOf(this.#buffer).getUint32(1);
    const type = typeOfKind(kind);
    if (type === undefined || !FRAME_FORMS[type].heardBy.includes(this.#hearer)) return { ok: false, problem: "unknown-frame" };
    if (length < FRAME_FORMS[type].min || length > FRAME_FORMS[type].max) return { ok: false, problem: "false-length" };
    this.#type = type;
    this.#filled = 0;
    this.#needed = length;
    if (length > USUAL_FRAME_BYTES) this.#buffer = new Uint8Array(length);
    return undefined;
  }

  #takePayload(type: FrameType): ReadPieceFrame {
    const read = parsePayload(type, this.#buffer.subarray(0, this.#needed));
    this.#buffer = this.#usual;
    this.#filled = 0;
    this.#needed = FRAME_HEADER_BYTES;
    this.#type = undefined;
    return read;
  }
}

/** Reads the frames in `bytes` with `reader`, handing each on until `take` says stop (false); gives the bytes that are left then. */
export function feedPieceFrames(reader: PieceFrameReader, bytes: Uint8Array, take: (read: ReadPieceFrame) => boolean): Uint8Array {
  let rest = bytes;
  while (rest.length > 0) {
    const space = reader.space();
    const part = rest.subarray(0, space.length);
    space.set(part);
    rest = rest.subarray(part.length);
    const read = reader.commit(part.length);
    if (read !== undefined && !take(read)) return rest;
  }
  return rest;
}

function typeOfKind(kind: number): FrameType | undefined {
  return (Object.keys(FRAME_FORMS) as FrameType[]).find((type) => FRAME_FORMS[type].kind === kind);
}

/** The payload's length already fits the form of `type`. What is kept of it is copied. */
function parsePayload(type: FrameType, payload: Uint8Array): ReadPieceFrame {
  const view = viewOf(payload);
  switch (type) {
    case "hello":
      return { ok: true, frame: { type, version: view.getUint8(0) } };
    case "claim":
      return { ok: true, frame: { type, key: payload.slice(0, 32), nonce: payload.slice(32) } };
    case "proof":
      return { ok: true, frame: { type, signature: payload.slice() } };
    case "member":
      return { ok: true, frame: { type, word: payload.slice() } };
    case "want":
      return parseWant(payload);
    case "piece":
      return { ok: true, frame: { type, request: view.getUint32(0), piece: view.getUint32(4), length: view.getUint32(8) } };
    case "refuse":
      return parseRefuse(view);
    case "cancel":
    case "waiting":
    case "end":
      return { ok: true, frame: { type, request: view.getUint32(0) } };
  }
}

function parseRefuse(view: DataView): ReadPieceFrame {
  const reason = (Object.keys(REFUSE_REASONS) as RefuseReason[]).find((name) => REFUSE_REASONS[name] === view.getUint8(4));
  if (reason === undefined) return { ok: false, problem: "bad-reason" };
  return { ok: true, frame: { type: "refuse", request: view.getUint32(0), reason } };
}

function parseWant(payload: Uint8Array): ReadPieceFrame {
  const view = viewOf(payload);
  const size = view.getBigUint64(4);
  const run = { first: view.getUint32(12), stride: view.getUint32(16), count: view.getUint32(20) };
  const skipAt = WANT_FIXED_BYTES + view.getUint8(24);
  if (skipAt > payload.length) return { ok: false, problem: "false-length" };
  if (run.count < 1 || run.count > MAX_RUN_PIECES || run.stride < 1) return { ok: false, problem: "bad-want" };
  if (size > BigInt(Number.MAX_SAFE_INTEGER) || payload.length - skipAt > Math.ceil(run.count / 8))
    return { ok: false, problem: "bad-want" };
  const digest = String.fromCharCode(...payload.subarray(WANT_FIXED_BYTES, skipAt));
  const want: Want = { request: view.getUint32(0), digest, size: Number(size), run, skip: payload.slice(skipAt) };
  return { ok: true, frame: { type: "want", want } };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
