import type { HostId } from "@darner/domain";
import { hostIdOfKey, KEY_BYTES, keyOfHost } from "./host-key.ts";
import type { OwnKey } from "./key-file.ts";
import { concat, readStatement, SIGNATURE_BYTES, signStatement } from "./statement.ts";

/** That a host was admitted: by which token or account, and when. It does not expire; a denial ends it. */
export type Admission = {
  readonly host: HostId;
  /** Milliseconds since 1970 by the scheduler's clock; for people only, nobody compares it with another clock. */
  readonly admittedAt: number;
  /** `token ID` or `account NAMESPACE/NAME`. */
  readonly via: string;
};

// A namespace and an account of Kubernetes have at most 63 and 253 characters; a token's id has 8.
const MAX_VIA_BYTES = 240;
const FIXED_BYTES = 1 + KEY_BYTES + 8;
const FORM = 1;

/** Length in bytes that no admission exceeds. */
export const MAX_ADMISSION_BYTES: number = FIXED_BYTES + MAX_VIA_BYTES + SIGNATURE_BYTES;

/** Writes an admission, signed by the cluster's key. */
export function writeAdmission({ host, admittedAt, via }: Admission, key: OwnKey): Uint8Array {
  const named = keyOfHost(host);
  if (named === undefined) throw new RangeError(`${host} is the name of no key`);
  const fixed = new Uint8Array(FIXED_BYTES);
  fixed[0] = FORM;
  fixed.set(named, 1);
  new DataView(fixed.buffer).setBigUint64(1 + KEY_BYTES, BigInt(admittedAt));
  return signStatement("admission", concat(fixed, new Uint8Array(Buffer.from(via).subarray(0, MAX_VIA_BYTES))), key);
}

/** Reads an admission that `signingKey` has signed; undefined for anything else. Never throws. */
export function readAdmission(bytes: Uint8Array, signingKey: Uint8Array): Admission | undefined {
  if (bytes.length > MAX_ADMISSION_BYTES || bytes.length < FIXED_BYTES + SIGNATURE_BYTES || bytes[0] !== FORM) return undefined;
  const body = readStatement("admission", bytes, signingKey);
  if (body === undefined) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return {
    host: hostIdOfKey(body.subarray(1, 1 + KEY_BYTES)),
    admittedAt: Number(view.getBigUint64(1 + KEY_BYTES)),
    via: Buffer.from(body.subarray(FIXED_BYTES)).toString("utf8"),
  };
}
