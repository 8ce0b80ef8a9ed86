// A status names what a host is busy with, line by line; 1 MiB is some thousand blobs.
const MAX_MESSAGE_BYTES = 1024 * 1024;
const PREFIX_BYTES = 4;

/** The other end sent what is no status message. */
export class StatusMessageError extends Error {}

/** Writes a status: its length (4 bytes, big-endian), then JSON. Throws `StatusMessageError` where it is too long. */
export function encodeStatus(status: object): Uint8Array {
  const json = Buffer.from(JSON.stringify(status));
  if (json.length > MAX_MESSAGE_BYTES) throw new StatusMessageError(`a status of ${String(json.length)} bytes`);
  const message = Buffer.alloc(PREFIX_BYTES + json.length);
  message.writeUInt32BE(json.length);
  json.copy(message, PREFIX_BYTES);
  return message;
}

/** Reads one status from bytes that come in any portions, holding no more than the message may have. Rejects with `StatusMessageError`. */
export async function readStatus(portions: AsyncIterable<Uint8Array>): Promise<Readonly<Record<string, unknown>>> {
  const parts: Uint8Array[] = [];
  let held = 0;
  for await (const portion of portions) {
    parts.push(portion);
    held += portion.length;
    if (held < PREFIX_BYTES) continue;
    const needed = PREFIX_BYTES + claimedLength(parts);
    if (held >= needed) return parseStatus(Buffer.concat(parts).subarray(PREFIX_BYTES, needed));
  }
  throw new StatusMessageError("the answer ended too early");
}

function claimedLength(parts: Uint8Array[]): number {
  if ((parts[0]?.length ?? 0) < PREFIX_BYTES) parts.splice(0, parts.length, Buffer.concat(parts));
  const length = Buffer.from(parts[0] ?? []).readUInt32BE();
  if (length > MAX_MESSAGE_BYTES) throw new StatusMessageError(`an answer of ${String(length)} bytes`);
  return length;
}

function parseStatus(json: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(json.toString("utf8"));
  } catch (cause) {
    throw new StatusMessageError("the answer is no JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new StatusMessageError("the answer is no status");
  return value as Record<string, unknown>;
}
