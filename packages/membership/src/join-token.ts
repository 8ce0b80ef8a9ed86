import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Secret } from "@darner/runtime";
import { base32 } from "multiformats/bases/base32";
import { KEY_BYTES } from "./host-key.ts";

/** What a join token says: whose cluster, which token, and the secret that opens it. */
export type JoinToken = {
  /** The cluster's public signing key: what a scheduler must prove before it is shown the secret. */
  readonly signingKey: Uint8Array;
  /** Names the token in lists; no secret. */
  readonly id: string;
  readonly secret: Secret;
};

/** Why a text is no join token. */
export type TokenProblem =
  /** It does not begin as one does. */
  | "no-token"
  /** Of a form that this version does not know. */
  | "unknown-form"
  /** It was cut or mistyped: its parts do not fit its checksum. */
  | "mistyped";

// Like Docker Swarm's SWMTKN: whoever finds one in a log or a repository can search for it.
const PREFIX = "DARNER";
const FORM = "1";
const ID_BYTES = 5;
// 160 bits: nobody guesses it, so that a plain hash of it is as good as a slow one.
const SECRET_BYTES = 20;
const CHECK_BYTES = 5;
const MAX_TEXT = 256;

/** Draws a token for a cluster. */
export function drawToken(signingKey: Uint8Array): JoinToken {
  return { signingKey, id: encode(randomBytes(ID_BYTES)), secret: new Secret(encode(randomBytes(SECRET_BYTES))) };
}

/** Writes a token: `DARNER-1-<signing key>-<id>-<secret>-<checksum>`. */
export function writeToken({ signingKey, id, secret }: JoinToken): Secret {
  const text = [PREFIX, FORM, writeFingerprint(signingKey), id, secret.reveal()].join("-");
  return new Secret(`${text}-${checksumOf(text)}`);
}

/** Reads a token. Never throws. */
export function readToken(text: string): JoinToken | TokenProblem {
  const [prefix, form, ...parts] = text.trim().slice(0, MAX_TEXT).split("-");
  if (prefix !== PREFIX) return "no-token";
  if (form !== FORM) return "unknown-form";
  const [fingerprint = "", id = "", secret = "", check = "", ...more] = parts;
  const signingKey = readFingerprint(fingerprint);
  const isWhole = isCode(id, ID_BYTES) && isCode(secret, SECRET_BYTES) && more.length === 0;
  if (signingKey === undefined || !isWhole || check !== checksumOf([PREFIX, FORM, fingerprint, id, secret].join("-"))) return "mistyped";
  return { signingKey, id, secret: new Secret(secret) };
}

/** The fingerprint of a cluster's signing key: the Ed25519 key itself, which is as short as a hash of it. */
export function writeFingerprint(signingKey: Uint8Array): string {
  return encode(signingKey);
}

/** Reads a fingerprint; undefined where the text is none. */
export function readFingerprint(text: string): Uint8Array | undefined {
  return isCode(text, KEY_BYTES) ? new Uint8Array(base32.baseDecode(text)) : undefined;
}

/** What is kept of a token's secret. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether a secret is the one a hash was kept of; takes the same time for every wrong one. */
export function isSecretOf(secret: string, hash: string): boolean {
  const [given, kept] = [Buffer.from(hashSecret(secret)), Buffer.from(hash)];
  return given.length === kept.length && timingSafeEqual(given, kept);
}

function checksumOf(text: string): string {
  return encode(createHash("sha256").update(text).digest().subarray(0, CHECK_BYTES));
}

function encode(bytes: Uint8Array): string {
  return base32.baseEncode(bytes);
}

function isCode(text: string, bytes: number): boolean {
  if (text.length !== Math.ceil((bytes * 8) / 5) || !/^[a-z2-7]+$/.test(text)) return false;
  try {
    return encode(base32.baseDecode(text)) === text;
  } catch {
    return false;
  }
}
