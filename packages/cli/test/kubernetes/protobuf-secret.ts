import type { Fields } from "./object.ts";

// What the API's protobuf bodies begin with.
const MAGIC = Buffer.from("k8s\0");
const DELIMITED = 2;

type Field = { readonly number: number; readonly value: Buffer };

/**
 * A Secret as Helm writes its releases: the API's protobuf form (k8s.io/api/core/v1/generated.proto).
 * Only Secrets are read; of any other kind the answer is undefined.
 */
export function secretInProtobuf(body: Buffer): Fields | undefined {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const envelope = fieldsIn(body.subarray(MAGIC.length));
  if (text(first(fieldsIn(first(envelope, 1)), 2)) !== "Secret") return undefined;
  const secret = fieldsIn(first(envelope, 2));
  const metadata = fieldsIn(first(secret, 1));
  const version = text(first(metadata, 6));
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: text(first(metadata, 1)),
      ...(version === "" ? {} : { resourceVersion: version }),
      labels: mapIn(metadata, 11, text),
      annotations: mapIn(metadata, 12, text),
    },
    type: text(first(secret, 3)),
    data: mapIn(secret, 2, (value) => value.toString("base64")),
  };
}

function mapIn(fields: readonly Field[], number: number, read: (value: Buffer) => string): Record<string, string> {
  const entries = fields.filter((field) => field.number === number).map(({ value }) => fieldsIn(value));
  return Object.fromEntries(entries.map((entry) => [text(first(entry, 1)), read(first(entry, 2))]));
}

function first(fields: readonly Field[], number: number): Buffer {
  return fields.find((field) => field.number === number)?.value ?? Buffer.alloc(0);
}

function text(value: Buffer): string {
  return value.toString("utf8");
}

/** The length-delimited fields of a message; numbers are read over. */
function fieldsIn(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    if ((tag & 7) === DELIMITED) {
      const length = varint();
      fields.push({ number: tag >> 3, value: message.subarray(at, at + length) });
      at += length;
    } else varint();
  }
  return fields;
}
