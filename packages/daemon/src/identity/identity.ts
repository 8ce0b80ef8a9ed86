import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { HostId } from "@darner/domain";
import { Secret, StartError } from "@darner/runtime";
import { hostIdFromCertificate, makeCertificate } from "./certificate.ts";
import { hostIdOfKey, rawPublicKey } from "./host-key.ts";

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

// The key of the configuration under which the file lies.
const KEY = "dataDir";

/** Opens the identity kept in `dir` (`host.key`, mode 0600), making it where there is none. Rejects with `StartError`: a host that cannot say who it is must not start. */
export async function openIdentity(dir: string): Promise<Identity> {
  const path = join(dir, "host.key");
  const key = (await readKey(path)) ?? (await makeKey(dir, path));
  const publicKey = rawPublicKey(createPublicKey(key)) ?? new Uint8Array();
  const host = hostIdOfKey(publicKey);
  return {
    host,
    publicKey,
    privateKeyPem: new Secret(pemOf(key)),
    certificatePem: await openCertificate(join(dir, "host.crt"), key, host),
    sign: (bytes) => new Uint8Array(sign(null, bytes, key)),
  };
}

async function readKey(path: string): Promise<KeyObject | undefined> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const message = `cannot read the host key ${path}: make it readable for the user Darner runs as`;
    throw new StartError({ code: "file-unusable", path, key: KEY }, message, { cause });
  });
  return text === undefined ? undefined : parseKey(text, path);
}

function parseKey(text: string, path: string): KeyObject {
  const message = `${path} holds no Ed25519 private key: put it back from a copy, or remove it (the host then gets a new id and must join again)`;
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    // The cause is left out: it could quote what the file holds.
    throw new StartError({ code: "file-unusable", path, key: KEY }, message);
  }
  if (key.asymmetricKeyType !== "ed25519") throw new StartError({ code: "file-unusable", path, key: KEY }, message);
  return key;
}

async function makeKey(dir: string, path: string): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync("ed25519");
  try {
    await mkdir(dir, { recursive: true });
    await writeWhole(path, pemOf(privateKey), 0o600);
  } catch (cause) {
    const message = `cannot write the host key ${path}: make the data directory writable for the user Darner runs as`;
    throw new StartError({ code: "data-dir-unusable", path: dir }, message, { cause });
  }
  return privateKey;
}

/** The certificate is kept only because making one is slow; a lost or foreign one is made again, and a disk that refuses it does not matter. */
async function openCertificate(path: string, key: KeyObject, host: HostId): Promise<string> {
  const kept = await readFile(path, "utf8").catch(() => "");
  if (hostIdFromCertificate(kept) === host) return kept;
  const made = await makeCertificate(key, host);
  await writeWhole(path, made, 0o644).catch(() => {});
  return made;
}

/** Writes a file that is there whole or not at all, whenever the machine stops. */
async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const file = await open(draft, "wx", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw cause;
  }
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
