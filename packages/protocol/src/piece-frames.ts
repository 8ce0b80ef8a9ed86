import type { PieceRun } from "@darner/domain";

/** The version of the piece channel that this build speaks; both ends must say the same. */
export const PIECE_CHANNEL_VERSION = 1;

/** Pieces one request may name: the whole of a 4 TiB blob (64 MiB pieces), and 8 KiB of bitmap. Longer runs are several requests. */
export const MAX_RUN_PIECES = 65_536;

/** Bytes before a frame's payload: its kind (1) and the payload's length (4, big-endian). */
export const FRAME_HEADER_BYTES = 5;

/** Length in bytes of what one end may say at once to show that it is a member; an admission has at most 346. */
export const MAX_MEMBER_WORD_BYTES = 512;

/** Why a parent sends nothing (more) for a request. */
export type RefuseReason =
  /** It does not have and does not expect this blob. */
  | "unknown"
  /** It is overloaded or stopping. */
  | "busy";

/** What a child asks: each piece of the run, as soon as the parent has verified it. */
export type Want = {
  /** Names the request on this connection; never used twice on it. */
  readonly request: number;
  readonly digest: string;
  readonly size: number;
  readonly run: PieceRun;
  /** Bit i, least significant first: piece i of the run is not wanted; bits that are missing are 0. */
  readonly skip: Uint8Array;
};

/** One frame of the piece channel. */
export type PieceFrame =
  /** The first frame of both ends, once each knows who the other is. */
  | { readonly type: "hello"; readonly version: number }
  /** Without TLS, both ends: "I have this key (32 bytes); sign this nonce (32 bytes)". */
  | { readonly type: "claim"; readonly key: Uint8Array; readonly nonce: Uint8Array }
  /** Without TLS, both ends: the signature (64 bytes) that shows the claimed key. */
  | { readonly type: "proof"; readonly signature: Uint8Array }
  /** Both ends, before their hello, where only members are let in: what shows that an end is one (1 to 512 bytes, read by the daemon). */
  | { readonly type: "member"; readonly word: Uint8Array }
  /** Child to parent. It is answered by pieces and then one `end` or one `refuse`. */
  | { readonly type: "want"; readonly want: Want }
  /** Child to parent: no more of this request. It too is answered by `end`. */
  | { readonly type: "cancel"; readonly request: number }
  /** Parent to child: exactly `length` bytes of the piece follow this frame. */
  | { readonly type: "piece"; readonly request: number; readonly piece: number; readonly length: number }
  /** Parent to child: alive, and waiting for a piece itself. */
  | { readonly type: "waiting"; readonly request: number }
  /** Parent to child: everything wanted was sent, or the request was cancelled. */
  | { readonly type: "end"; readonly request: number }
  /** Parent to child: nothing (more) comes. */
  | { readonly type: "refuse"; readonly request: number; readonly reason: RefuseReason };

/** The frames one end may receive: a child hears what parents say, a parent what children say. */
export type PieceFrameHearer = "child" | "parent";

/** Which bytes stand for which frame, who may hear it, and how long its payload may be. */
export type PieceFrameForm = {
  readonly kind: number;
  readonly min: number;
  readonly max: number;
  readonly heardBy: readonly PieceFrameHearer[];
};

// domain/digest.ts: a digest has at most 255 characters, so that one byte holds its length.
const MAX_DIGEST_BYTES = 255;
/** Bytes of a request's payload before digest and bitmap: request, size, first, stride, count, length of the digest. */
export const WANT_FIXED_BYTES: number = 4 + 8 + 4 + 4 + 4 + 1;

const both = ["child", "parent"] as const;

/** The form of each kind of frame. */
export const FRAME_FORMS: Readonly<Record<PieceFrame["type"], PieceFrameForm>> = {
  hello: { kind: 1, min: 1, max: 1, heardBy: both },
  claim: { kind: 2, min: 64, max: 64, heardBy: both },
  proof: { kind: 3, min: 64, max: 64, heardBy: both },
  want: { kind: 4, min: WANT_FIXED_BYTES, max: WANT_FIXED_BYTES + MAX_DIGEST_BYTES + MAX_RUN_PIECES / 8, heardBy: ["parent"] },
  cancel: { kind: 5, min: 4, max: 4, heardBy: ["parent"] },
  piece: { kind: 6, min: 12, max: 12, heardBy: ["child"] },
  waiting: { kind: 7, min: 4, max: 4, heardBy: ["child"] },
  end: { kind: 8, min: 4, max: 4, heardBy: ["child"] },
  member: { kind: 10, min: 1, max: MAX_MEMBER_WORD_BYTES, heardBy: both },
  refuse: { kind: 9, min: 5, max: 5, heardBy: ["child"] },
};

/** How a reason is written on the wire. */
export const REFUSE_REASONS: Readonly<Record<RefuseReason, number>> = { unknown: 1, busy: 2 };

/** Writes a frame. The caller keeps to the bounds above (a broken one throws a RangeError). */
export function encodePieceFrame(frame: PieceFrame): Uint8Array {
  const payload = payloadOf(frame);
  const { kind, min, max } = FRAME_FORMS[frame.type];
  if (payload.length < min || payload.length > max) throw new RangeError(`a ${frame.type} frame of ${String(payload.length)} bytes`);
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  bytes[0] = kind;
  new DataView(bytes.buffer).setUint32(1, payload.length);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

function payloadOf(frame: PieceFrame): Uint8Array {
  switch (frame.type) {
    case "hello":
      return Uint8Array.of(frame.version);
    case "claim":
      return concat(frame.key, frame.nonce);
    case "proof":
      return frame.signature;
    case "member":
      return frame.word;
    case "want":
      return wantPayload(frame.want);
    case "piece":
      return words(frame.request, frame.piece, frame.length);
    case "refuse":
      return concat(words(frame.request), Uint8Array.of(REFUSE_REASONS[frame.reason]));
    case "cancel":
    case "waiting":
    case "end":
      return words(frame.request);
  }
}

function wantPayload({ request, digest, size, run, skip }: Want): Uint8Array {
  if (run.count < 1 || run.count > MAX_RUN_PIECES) throw new RangeError(`a request for ${String(run.count)} pieces`);
  if (digest.length > MAX_DIGEST_BYTES) throw new RangeError("a request for a digest that is too long");
  const bytes = new Uint8Array(WANT_FIXED_BYTES + digest.length + skip.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, request);
  view.setBigUint64(4, BigInt(size));
  view.setUint32(12, run.first);
  view.setUint32(16, run.stride);
  view.setUint32(20, run.count);
  view.setUint8(24, digest.length);
  // A digest is ASCII (image-spec descriptor.md).
  for (let at = 0; at < digest.length; at++) bytes[WANT_FIXED_BYTES + at] = digest.charCodeAt(at);
  bytes.set(skip, WANT_FIXED_BYTES + digest.length);
  return bytes;
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, at) => {
    view.setUint32(4 * at, value);
  });
  return bytes;
}

function concat(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(left.length + right.length);
  bytes.set(left);
  bytes.set(right, left.length);
  return bytes;
}
