import { parseHostId, type HostId } from "@darner/domain";
import { Secret } from "@darner/runtime";
import type { Join, JoinCredential, MembershipNews, Welcome, WireListChange } from "./messages.ts";
import { asBytes, asList, asObject, asText, WireError, type WireObject } from "./wire.ts";

// Admissions, heads, proofs and digests have at most 345 bytes (packages/membership).
const MAX_SIGNED_BYTES = 512;
// packages/membership: a list has at most so many hosts, a cluster so many denials.
const MAX_HOSTS = 20_000;
const MAX_DENIALS = 4096;
// packages/membership: a host keeps the lists of so many schedulers.
const MAX_LISTS = 4;
const MAX_TEXT = 255;
// A service account's token has about 1 KiB; with many claims a few.
const MAX_ACCOUNT_TOKEN = 16 * 1024;

/** Reads what a host shows to be let in. Throws `WireError`. */
export function readJoin(value: unknown): Join {
  const wire = asObject(value, "join");
  const admission = signed(wire["admission"], "join.admission");
  const credential = readCredential(wire);
  return {
    proof: signed(wire["proof"], "join.proof"),
    denialsDigest: signed(wire["denials_digest"], "join.denials_digest"),
    listHeads: readListHeads(wire["list_heads"]),
    ...(admission.length === 0 ? {} : { admission }),
    ...(credential === undefined ? {} : { credential }),
  };
}

export function writeJoin({ proof, admission, credential, listHeads, denialsDigest }: Join): WireObject {
  return { proof, admission, list_heads: listHeads, denials_digest: denialsDigest, ...writeCredential(credential) };
}

/** Reads a welcome. Throws `WireError`. */
export function readWelcome(value: unknown): Welcome {
  const wire = asObject(value, "welcome");
  const admission = signed(wire["admission"], "welcome.admission");
  const welcome = {
    scheduler: asText(wire["scheduler"], "welcome.scheduler", MAX_TEXT),
    version: asText(wire["version"], "welcome.version", MAX_TEXT),
  };
  if (admission.length === 0) return welcome;
  return { ...welcome, membership: { admission, denialsDigest: signed(wire["denials_digest"], "welcome.denials_digest") } };
}

export function writeWelcome({ scheduler, version, membership }: Welcome): WireObject {
  return { scheduler, version, admission: membership?.admission, denials_digest: membership?.denialsDigest };
}

/** Reads what has changed among the members. Throws `WireError`. */
export function readMembership(value: unknown): MembershipNews {
  const wire = asObject(value, "membership");
  const denials = readDenials(wire["denials"], "membership.denials");
  return wire["list"] === undefined || wire["list"] === null ? { denials } : { denials, list: readListChange(wire["list"]) };
}

export function writeMembership({ list, denials }: MembershipNews): WireObject {
  return list === undefined ? { denials } : { denials, list };
}

/** Reads denials: nothing is known of them but that they are few and short. Throws `WireError`. */
export function readDenials(value: unknown, field: string): Uint8Array[] {
  const denials = asList(value, field);
  if (denials.length > MAX_DENIALS) throw new WireError(field, `at most ${String(MAX_DENIALS)} denials`);
  return denials.map((denial) => signed(denial, field));
}

/** A challenge; undefined where there is none. Throws `WireError`. */
export function readChallenge(value: unknown): Uint8Array | undefined {
  const challenge = signed(value, "challenge");
  return challenge.length === 0 ? undefined : challenge;
}

function readListChange(value: unknown): WireListChange {
  const wire = asObject(value, "list");
  return {
    head: signed(wire["head"], "list.head"),
    full: wire["full"] === true,
    added: readHosts(wire["added"], "list.added"),
    removed: readHosts(wire["removed"], "list.removed"),
  };
}

function readHosts(value: unknown, field: string): HostId[] {
  const hosts = asList(value, field);
  if (hosts.length > MAX_HOSTS) throw new WireError(field, `at most ${String(MAX_HOSTS)} hosts`);
  return hosts.map((text) => {
    const host = parseHostId(asText(text, field, MAX_TEXT));
    if (host === undefined) throw new WireError(field, "host ids");
    return host;
  });
}

function readListHeads(value: unknown): Uint8Array[] {
  const heads = asList(value, "join.list_heads");
  if (heads.length > MAX_LISTS) throw new WireError("join.list_heads", `at most ${String(MAX_LISTS)} lists`);
  return heads.map((head) => signed(head, "join.list_heads"));
}

function readCredential(wire: WireObject): JoinCredential | undefined {
  const id = asText(wire["token_id"] ?? "", "join.token_id", MAX_TEXT);
  const secret = asText(wire["token_secret"] ?? "", "join.token_secret", MAX_TEXT);
  const account = asText(wire["account_token"] ?? "", "join.account_token", MAX_ACCOUNT_TOKEN);
  if (account !== "") return { type: "account", token: new Secret(account) };
  return id === "" ? undefined : { type: "token", id, secret: new Secret(secret) };
}

function writeCredential(credential: JoinCredential | undefined): WireObject {
  switch (credential?.type) {
    case undefined:
      return {};
    case "token":
      return { token_id: credential.id, token_secret: credential.secret.reveal() };
    case "account":
      return { account_token: credential.token.reveal() };
  }
}

/** Bytes that somebody signed or drew; a copy, because the message they came in goes. */
function signed(value: unknown, field: string): Uint8Array {
  const bytes = asBytes(value, field);
  if (bytes.length > MAX_SIGNED_BYTES) throw new WireError(field, `at most ${String(MAX_SIGNED_BYTES)} bytes`);
  return new Uint8Array(bytes);
}
