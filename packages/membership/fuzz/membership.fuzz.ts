import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { HostId } from "@darner/domain";
import { Secret } from "@darner/runtime";
import { latin1 } from "@darner/testkit";
import type { FuzzTarget } from "@darner/testkit";
import { readAdmission, writeAdmission } from "../src/admission.ts";
import { DenyList, writeDenial } from "../src/denial.ts";
import { hostIdOfKey } from "../src/host-key.ts";
import { readFingerprint, readToken, writeFingerprint, writeToken } from "../src/join-token.ts";
import type { OwnKey } from "../src/key-file.ts";
import { MemberLists, readListHead, writeListHead } from "../src/member-list.ts";
import { isHostProven, proveHost } from "../src/session-proof.ts";

// The same keys in every run, so that what is kept in the corpus stays true: PKCS #8 of an Ed25519 key made of one byte.
function keyOf(byte: number): OwnKey {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, byte)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32));
  return { id: hostIdOfKey(publicKey), publicKey, privateKeyPem: new Secret(""), sign: (bytes) => new Uint8Array(sign(null, bytes, key)) };
}

const cluster = keyOf(1);
const other = keyOf(2);
const HOSTS = [cluster.id, other.id, keyOf(3).id] as const;
const text = writeToken({ signingKey: cluster.publicKey, id: "aaaaaaaa", secret: new Secret("a".repeat(32)) }).reveal();

/**
 * Join tokens and fingerprints, as people paste them.
 * @public the runner finds it by the name of its file
 */
export const joinToken: FuzzTarget = {
  name: "join-token",
  seeds: [text, ` ${text}\n`, text.toUpperCase(), "K10abc::server:secret", writeFingerprint(cluster.publicKey)],
  words: ["DARNER-1-", "-", "--", "DARNER", "a".repeat(200)],
  check: (input) => {
    const shown = latin1(input);
    const key = readFingerprint(shown);
    if (key !== undefined) {
      assert.equal(key.length, 32);
      assert.deepEqual(readFingerprint(writeFingerprint(key)), key);
    }
    const token = readToken(shown);
    if (typeof token === "string") return `${token}${key === undefined ? "" : ", a fingerprint"}`;
    const again = readToken(writeToken(token).reveal());
    assert.ok(typeof again === "object" && again.id === token.id && again.secret.reveal() === token.secret.reveal());
    return "token";
  },
};

const statements = [
  writeAdmission({ host: HOSTS[1], admittedAt: 1_700_000_000_000, via: "token abc" }, cluster),
  writeListHead(7, 9, new Set(HOSTS), cluster),
  writeDenial(HOSTS[2], 5, cluster),
];
const isSigned = (input: Uint8Array): boolean => statements.some((each) => Buffer.compare(each, input) === 0);

/**
 * Admissions, heads of lists, denials and proofs of a session: bytes from other hosts of which only what the key signed counts.
 * @public the runner finds it by the name of its file
 */
export const signed: FuzzTarget = {
  name: "signed-statements",
  seeds: [
    ...statements,
    writeAdmission({ host: HOSTS[1], admittedAt: 1, via: "" }, other),
    proveHost(new Uint8Array(32), cluster.publicKey, other),
  ],
  words: ["token", "\u0000\u0000\u0000\u0000", "darner"],
  check: (input) => {
    const { heard } = new DenyList(cluster.publicKey).hear(input);
    const read = [
      readAdmission(input, cluster.publicKey) === undefined ? [] : ["admission"],
      readListHead(input, cluster.publicKey) === undefined ? [] : ["head"],
      heard === "new" ? ["denial"] : [],
      isHostProven(HOSTS[1], input, new Uint8Array(32), cluster.publicKey) ? ["proof"] : [],
    ].flat();
    assert.ok(read.length <= 1, "no bytes are two things");
    assert.ok(read.length === 0 || read[0] === "proof" || isSigned(input), "nothing is read that the key did not sign");
    return read[0] ?? `nothing (${heard})`;
  },
};

// Each costs a signature to check, and a million inputs are to be had in minutes.
const MAX_CHANGES = 4;
const heads = [0, 1, 2, 3].map((count) => writeListHead(7, 9 + count, new Set(HOSTS.slice(0, count)), cluster));

// Heads that the key signed, and nobody else's, with how many hosts they speak of.
const countOf = new Map(heads.map((head, count) => [Buffer.from(head).toString("hex"), count]));

/**
 * Changes of lists, three bytes each: which head, full or not, and who comes and goes; lists then name whom the key signed for, or nobody.
 * @public the runner finds it by the name of its file
 */
export const changes: FuzzTarget = {
  name: "member-lists",
  seeds: [Uint8Array.of(1, 1, 1), Uint8Array.of(3, 1, 7, 1, 0, 0x60), Uint8Array.of(0, 0, 0, 3, 0, 7)],
  words: ["\u0003\u0001\u0007", "\u0002\u0000\u0002"],
  check: (input) => {
    const lists = new MemberLists(cluster.publicKey);
    const ways = new Set<string>();
    const some = (bits: number): HostId[] => HOSTS.filter((_, at) => (bits & (1 << at)) !== 0);
    for (let at = 0; at + 2 < Math.min(input.length, 3 * MAX_CHANGES); at += 3) {
      const [which = 0, full = 0, who = 0] = input.subarray(at, at + 3);
      const head = heads[which % 5] ?? input;
      ways.add(lists.change({ head, full: full % 2 === 1, added: some(who), removed: some(who >> 4) }) ?? "taken");
      for (const { head: of, hosts } of lists.lists()) assert.equal(hosts.length, countOf.get(Buffer.from(of).toString("hex")));
    }
    return [...ways].toSorted().join(" ");
  },
};
