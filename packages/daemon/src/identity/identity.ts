import { join } from "node:path";
import type { HostId } from "@darner/domain";
import { makeKeyFile, openCertificate, readKeyFile, type KeyWords } from "@darner/membership";
import type { Secret } from "@darner/runtime";

/** Who this host is: an Ed25519 key that is made at the first start and never changes. */
export type Identity = {
  /** The fingerprint of the key: libp2p's peer id of it. */
  readonly host: HostId;
  /** The raw public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The private key as PEM (PKCS #8), for TLS. */
  readonly privateKeyPem: Secret;
  /** A self-signed certificate of the same key as PEM, for TLS. */
  readonly certificatePem: string;
  /** Signs with Ed25519; 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
};

const WORDS: KeyWords = { what: "host key", configKey: "dataDir", ifRemoved: "the host then gets a new id and must join again" };

/** Opens the identity kept in `dir` (`host.key`, mode 0600), making it where there is none. Rejects with `StartError`: a host that cannot say who it is must not start. */
export async function openIdentity(dir: string): Promise<Identity> {
  const path = join(dir, "host.key");
  const key = (await readKeyFile(path, WORDS)) ?? (await makeKeyFile(path, WORDS));
  const { id, publicKey, privateKeyPem } = key;
  return {
    host: id,
    publicKey,
    privateKeyPem,
    certificatePem: await openCertificate(join(dir, "host.crt"), key),
    sign: (bytes) => key.sign(bytes),
  };
}
