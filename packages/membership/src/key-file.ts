import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { HostId } from "@darner/domain";
import { readIfThere, Secret, StartError, writeWhole } from "@darner/runtime";
import { hostIdFromCertificate, makeCertificate } from "./certificate.ts";
import { hostIdOfKey, rawPublicKey } from "./host-key.ts";

/** An Ed25519 key that is kept in a file. */
export type OwnKey = {
  /** The name of the key: what libp2p would call the peer that has it. */
  readonly id: HostId;
  /** The raw public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The private key as PEM (PKCS #8), for TLS. */
  readonly privateKeyPem: Secret;
  /** Signs with Ed25519; 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
};

/** What is told to people where a key cannot be had. */
export type KeyWords = {
  /** What the key is: `host key`. */
  readonly what: string;
  /** The key of the configuration under which the file lies. */
  readonly configKey: string;
  /** What follows from removing a file that holds no key. */
  readonly ifRemoved: string;
};

/** Reads the key in a file; undefined where there is none. Rejects with `StartError` where it is no key. */
export async function readKeyFile(path: string, words: KeyWords): Promise<OwnKey | undefined> {
  const text = await readIfThere(path).catch((cause: unknown) => {
    const message = `cannot read the ${words.what} ${path} (${words.configKey}): make it readable for the user Darner runs as`;
    throw new StartError({ code: "file-unusable", path, key: words.configKey }, message, { cause });
  });
  return text === undefined ? undefined : ownKey(parseKey(text, path, words));
}

/** Makes a key and keeps it in a file that only this user may read. Rejects with `StartError` where that cannot be written. */
export async function makeKeyFile(path: string, { what }: KeyWords): Promise<OwnKey> {
  const { privateKey } = generateKeyPairSync("ed25519");
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeWhole(path, pemOf(privateKey));
  } catch (cause) {
    const message = `cannot write the ${what} ${path}: make the data directory writable for the user Darner runs as`;
    throw new StartError({ code: "data-dir-unusable", path: dirname(path) }, message, { cause });
  }
  return ownKey(privateKey);
}

/** A certificate (PEM) of a key, kept only because making one is slow: a lost or foreign one is made again, and a disk that refuses it does not matter. */
export async function openCertificate(path: string, { id, privateKeyPem }: OwnKey): Promise<string> {
  const kept = await readIfThere(path).catch(() => "");
  if (kept !== undefined && hostIdFromCertificate(kept) === id) return kept;
  const made = await makeCertificate(createPrivateKey(privateKeyPem.reveal()), id);
  await writeWhole(path, made).catch(() => {});
  return made;
}

function parseKey(text: string, path: string, { what, configKey, ifRemoved }: KeyWords): KeyObject {
  const message = `${path} holds no Ed25519 private key (${what}): put it back from a copy, or remove it (${ifRemoved})`;
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    // The cause is left out: it could quote what the file holds.
    throw new StartError({ code: "file-unusable", path, key: configKey }, message);
  }
  if (key.asymmetricKeyType !== "ed25519") throw new StartError({ code: "file-unusable", path, key: configKey }, message);
  return key;
}

function ownKey(key: KeyObject): OwnKey {
  const publicKey = rawPublicKey(createPublicKey(key)) ?? new Uint8Array();
  return {
    id: hostIdOfKey(publicKey),
    publicKey,
    privateKeyPem: new Secret(pemOf(key)),
    sign: (bytes) => new Uint8Array(sign(null, bytes, key)),
  };
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
