import { createPublicKey, X509Certificate, type KeyObject } from "node:crypto";
import type { HostId } from "@darner/domain";
import { hostIdOfKey, rawPublicKey } from "./host-key.ts";

// RFC 5280, 4.1.2.5: "no well-defined expiration date". Nobody checks it: the key alone says who is there.
const NEVER = new Date("9999-12-31T23:59:59Z");
const ALWAYS = new Date("2000-01-01T00:00:00Z");

/** Makes a self-signed certificate (PEM) over an Ed25519 key: TLS wants one, and its key is all that is looked at. */
export async function makeCertificate(privateKey: KeyObject, host: HostId): Promise<string> {
  // Loaded here only: the library costs 100 ms and 20 MB, and a host makes one certificate in its life.
  await import("reflect-metadata");
  const { X509CertificateGenerator } = await import("@peculiar/x509");
  const keys = {
    privateKey: privateKey.toCryptoKey("Ed25519", false, ["sign"]),
    publicKey: createPublicKey(privateKey).toCryptoKey("Ed25519", true, ["verify"]),
  };
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // The key is the name; a serial number of its own has no use, as no authority counts these.
    serialNumber: "01",
    name: `CN=${host}`,
    notBefore: ALWAYS,
    notAfter: NEVER,
    keys,
    signingAlgorithm: { name: "Ed25519" },
  });
  return certificate.toString("pem");
}

/** The host that a certificate (DER or PEM) speaks for: the id of its Ed25519 key; undefined for anything else. Never throws. */
export function hostIdFromCertificate(certificate: Uint8Array | string | X509Certificate): HostId | undefined {
  const key = keyFromCertificate(certificate);
  return key === undefined ? undefined : hostIdOfKey(key);
}

/** The raw Ed25519 key that a certificate (DER or PEM) is about; undefined for anything else. Never throws. */
function keyFromCertificate(certificate: Uint8Array | string | X509Certificate): Uint8Array | undefined {
  try {
    return rawPublicKey((certificate instanceof X509Certificate ? certificate : new X509Certificate(certificate)).publicKey);
  } catch {
    return undefined;
  }
}

/** Whether a certificate is about this raw Ed25519 key. Never throws. */
export function isKeyOfCertificate(key: Uint8Array, certificate: X509Certificate): boolean {
  const shown = keyFromCertificate(certificate);
  return shown !== undefined && Buffer.compare(shown, key) === 0;
}
