// The part of HTTP/2 (RFC 9113) and of gRPC over it that a session of a daemon needs: one stream, its number is 1.
export const FRAME_HEAD_BYTES = 9;
const MESSAGE_HEAD_BYTES = 5;
// What a frame may carry unless the other end allows more.
const MAX_FRAME_BYTES = 16_384;
const STREAM = 1;

export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
/** END_STREAM of data and headers; of settings and pings the same bit says that they are an answer. */
export const LAST_OR_ANSWER = 0x1;
const END_HEADERS = 0x4;
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// Entries of the table that every HPACK coder begins with (RFC 7541, appendix A).
const METHOD_POST = 0x83;
const SCHEME = { http: 0x86, https: 0x87 } as const;
const [NAMED_AUTHORITY, NAMED_PATH, NEW_NAME] = [0x01, 0x04, 0x00] as const;

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** What a client says first: that it speaks HTTP/2, and a call of `path` whose messages follow. */
export function opening(path: string, authority: string, scheme: "http" | "https"): Buffer {
  // Never longer than the 126 characters that one byte of length can tell.
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const field = (name: string, value: string): Buffer => Buffer.concat([Buffer.from([NEW_NAME]), text(name), text(value)]);
  const headers = Buffer.concat([
    Buffer.from([METHOD_POST, SCHEME[scheme], NAMED_PATH]),
    text(path),
    Buffer.from([NAMED_AUTHORITY]),
    text(authority),
    field("te", "trailers"),
    field("content-type", "application/grpc"),
  ]);
  return Buffer.concat([
    Buffer.from(PREFACE),
    frame(FRAME.settings, 0, 0, Buffer.alloc(0)),
    frame(FRAME.headers, END_HEADERS, STREAM, headers),
  ]);
}

/** A gRPC message as it goes on the wire, in as many frames as it needs. */
export function messageFrames(message: Uint8Array): Buffer {
  const head = Buffer.alloc(MESSAGE_HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  const body = Buffer.concat([head, message]);
  const frames: Buffer[] = [];
  for (let at = 0; at < body.length; at += MAX_FRAME_BYTES)
    frames.push(frame(FRAME.data, 0, STREAM, body.subarray(at, at + MAX_FRAME_BYTES)));
  return Buffer.concat(frames);
}

export const SETTINGS_ANSWER: Buffer = frame(FRAME.settings, LAST_OR_ANSWER, 0, Buffer.alloc(0));
export const PING: Buffer = frame(FRAME.ping, 0, 0, Buffer.alloc(8));

export function pingAnswer(payload: Uint8Array): Buffer {
  return frame(FRAME.ping, LAST_OR_ANSWER, 0, payload);
}

/** So many bytes more may come, on the stream and on the connection. */
export function windowUpdates(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return Buffer.concat([frame(FRAME.windowUpdate, 0, 0, payload), frame(FRAME.windowUpdate, 0, STREAM, payload)]);
}

/** Cuts a stream of gRPC bytes into messages; keeps what is not whole yet. */
export class MessageCutter {
  #rest: Buffer = Buffer.alloc(0);

  cut(bytes: Buffer, onMessage: (message: Buffer) => void): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (all.length - at >= MESSAGE_HEAD_BYTES) {
      const end = at + MESSAGE_HEAD_BYTES + all.readUInt32BE(at + 1);
      if (end > all.length) break;
      onMessage(all.subarray(at + MESSAGE_HEAD_BYTES, end));
      at = end;
    }
    this.#rest = at === all.length ? this.#rest.subarray(0, 0) : Buffer.from(all.subarray(at));
  }
}
