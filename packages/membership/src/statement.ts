import { verify } from "node:crypto";
import { publicKeyOf } from "./host-key.ts";
import type { OwnKey } from "./key-file.ts";

/** What a signature is about; the same key signs for TLS and Noise too, which have prefixes of their own. */
export type StatementKind = "admission" | "denial" | "member list" | "session" | "sibling";

/** Length in bytes of an Ed25519 signature (RFC 8032, 5.1.6). */
export const SIGNATURE_BYTES = 64;

/** A body with the key's signature behind it: said by that key, as this kind of statement and no other. */
export function signStatement(kind: StatementKind, body: Uint8Array, key: Pick<OwnKey, "sign">): Uint8Array {
  return concat(body, key.sign(transcript(kind, body)));
}

/** The body of a statement of this kind that `publicKey` has signed; undefined where it has not. Never throws. */
export function readStatement(kind: StatementKind, statement: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  const key = publicKeyOf(publicKey);
  if (key === undefined || statement.length <= SIGNATURE_BYTES) return undefined;
  const body = statement.subarray(0, statement.length - SIGNATURE_BYTES);
  return isSigned(kind, body, statement.subarray(body.length), key) ? body : undefined;
}

function isSigned(kind: StatementKind, body: Uint8Array, signature: Uint8Array, key: Parameters<typeof verify>[2]): boolean {
  try {
    return verify(null, transcript(kind, body), key, signature);
  } catch {
    return false;
  }
}

function transcript(kind: StatementKind, body: Uint8Array): Uint8Array {
  return concat(Buffer.from(`darner ${kind} 1\0`), body);
}

/** The bytes of both, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
