import type { ConnectionOptions, TLSSocket, TlsOptions } from "node:tls";
import type { HostId } from "@darner/domain";
import { hostIdFromCertificate } from "@darner/membership";
import type { Identity } from "../identity/identity.ts";

// AES-128-GCM: the cheapest authenticated cipher on every processor with AES instructions (research/node-performance.md, 4).
const CIPHERS = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

function bothEnds(identity: Identity): TlsOptions & ConnectionOptions {
  return {
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: CIPHERS,
    key: identity.privateKeyPem.reveal(),
    cert: identity.certificatePem,
    // The certificates are self-signed: the handshake proves the key, and whose key it is is checked right after it.
    rejectUnauthorized: false,
  };
}

/** TLS of a parent: every child shows a certificate; `handshakeMs` is how long it may take for that. */
export function tlsOfParent(identity: Identity, handshakeMs: number): TlsOptions {
  return { ...bothEnds(identity), requestCert: true, handshakeTimeout: handshakeMs };
}

/** TLS of a child. */
export function tlsOfChild(identity: Identity): ConnectionOptions {
  return { ...bothEnds(identity), checkServerIdentity: () => undefined };
}

/** Who is at the other end of a socket after its handshake; undefined where it showed no certificate of an Ed25519 key. */
export function remoteHost(socket: TLSSocket): HostId | undefined {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : hostIdFromCertificate(certificate);
}
