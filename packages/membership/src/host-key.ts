import { createPublicKey, type KeyObject } from "node:crypto";
import { hostIdOf, type HostId } from "@darner/domain";
import { base58btc } from "multiformats/bases/base58";

/** Length in bytes of an Ed25519 public key, and of the seed of a private one (RFC 8032, 5.1.5). */
export const KEY_BYTES = 32;

// libp2p peer ids spec: an identity multihash (code 0, 36 bytes) of the protobuf PublicKey { type: Ed25519, data: 32 bytes }.
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);

/** The host id of a raw Ed25519 public key: what libp2p prints as the peer id of the same key. */
export function hostIdOfKey(publicKey: Uint8Array): HostId {
  if (publicKey.length !== KEY_BYTES) throw new RangeError(`an Ed25519 public key has 32 bytes, not ${String(publicKey.length)}`);
  const multihash = new Uint8Array(PEER_ID_PREFIX.length + KEY_BYTES);
  multihash.set(PEER_ID_PREFIX);
  multihash.set(publicKey, PEER_ID_PREFIX.length);
  return hostIdOf(base58btc.baseEncode(multihash));
}

/** The raw public key that a host id is the name of; undefined where the text only looks like one. */
export function keyOfHost(host: HostId): Uint8Array | undefined {
  try {
    const multihash = base58btc.baseDecode(host);
    const isKey = multihash.length === PEER_ID_PREFIX.length + KEY_BYTES && PEER_ID_PREFIX.every((byte, at) => multihash[at] === byte);
    return isKey ? multihash.subarray(PEER_ID_PREFIX.length) : undefined;
  } catch {
    return undefined;
  }
}

/** The 32 raw bytes of a public key; undefined where it is not an Ed25519 key. */
export function rawPublicKey(key: KeyObject): Uint8Array | undefined {
  if (key.asymmetricKeyType !== "ed25519") return undefined;
  const { x } = key.export({ format: "jwk" });
  return x === undefined ? undefined : new Uint8Array(Buffer.from(x, "base64url"));
}

/** A key object of a raw public key; undefined where the bytes are none. */
export function publicKeyOf(raw: Uint8Array): KeyObject | undefined {
  if (raw.length !== KEY_BYTES) return undefined;
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(raw).toString("base64url") }, format: "jwk" });
}
