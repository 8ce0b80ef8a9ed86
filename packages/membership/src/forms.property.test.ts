import assert from "node:assert/strict";
import { test } from "node:test";
import { join } from "node:path";
import { hostIdOf, type HostId } from "@darner/domain";
import { StartError, writeWhole } from "@darner/runtime";
import { noLeaks, openTempDir } from "@darner/testkit";
import fc from "fast-check";
import { readAdmission, writeAdmission } from "./admission.ts";
import { DenyList, writeDenial } from "./denial.ts";
import { drawToken, readToken, writeToken } from "./join-token.ts";
import { makeKeyFile, type OwnKey } from "./key-file.ts";
import { MemberLists, readListHead, writeListHead } from "./member-list.ts";
import { isPairProven, provePair } from "./pair-proof.ts";
import { isHostProven, proveHost } from "./session-proof.ts";
import { openSigningKey } from "./signing-key.ts";
import { TokenFile } from "./token-file.ts";

noLeaks();

const WORDS = { what: "key", configKey: "dataDir", ifRemoved: "it is gone" };

async function keys(count: number): Promise<OwnKey[]> {
  await using dir = await openTempDir();
  const made: OwnKey[] = [];
  for (let at = 0; at < count; at += 1) made.push(await makeKeyFile(join(dir.path, String(at)), WORDS));
  return made;
}

const [cluster, other, host, guest] = (await keys(4)) as [OwnKey, OwnKey, OwnKey, OwnKey];

test("a token is read as it was written, and one wrong letter is told as a typo", () => {
  const token = drawToken(cluster.publicKey);
  const text = writeToken(token).reveal();
  const read = readToken(` ${text}\n`);
  assert.ok(typeof read === "object");
  assert.deepEqual([read.signingKey, read.id, read.secret.reveal()], [cluster.publicKey, token.id, token.secret.reveal()]);
  assert.equal(readToken("K10abc::server:secret"), "no-token");
  assert.equal(readToken(text.replace("DARNER-1-", "DARNER-2-")), "unknown-form");
  assert.doesNotMatch(JSON.stringify(token), new RegExp(token.secret.reveal()));
  const from = "DARNER-1-".length;
  fc.assert(
    fc.property(fc.integer({ min: from, max: text.length - 1 }), fc.constantFrom("a", "z", "2", "7", "-"), (at, letter) => {
      const wrong = text.slice(0, at) + letter + text.slice(at + 1);
      assert.equal(wrong === text || readToken(wrong) === "mistyped", true, wrong);
      assert.equal(readToken(text.slice(0, at)), "mistyped");
    }),
  );
});

test("what the cluster's key signed is read, and nothing else: not of another key, not changed in one bit, not as another kind", () => {
  const admission = writeAdmission({ host: host.id, admittedAt: 1_700_000_000_000, via: "token abc" }, cluster);
  assert.deepEqual(readAdmission(admission, cluster.publicKey), { host: host.id, admittedAt: 1_700_000_000_000, via: "token abc" });
  const head = writeListHead(7, 9, new Set([host.id]), cluster);
  assert.deepEqual([readListHead(head, cluster.publicKey)?.epoch, readListHead(head, cluster.publicKey)?.count], [7, 1]);
  const denial = writeDenial(host.id, 5, cluster);
  const isRead = (bytes: Uint8Array, key: OwnKey): boolean =>
    readAdmission(bytes, key.publicKey) !== undefined ||
    readListHead(bytes, key.publicKey) !== undefined ||
    new DenyList(key.publicKey).hear(bytes).heard === "new";
  for (const statement of [admission, head, denial]) {
    assert.equal(isRead(statement, cluster), true);
    assert.equal(isRead(statement, other), false);
    fc.assert(
      fc.property(fc.nat(statement.length * 8 - 1), (bit) => {
        const changed = new Uint8Array(statement);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.equal(isRead(changed, cluster), false);
      }),
    );
  }
});

test("whatever bytes arrive, every reader says yes or no", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.string({ maxLength: 300 }), (bytes, text) => {
      assert.equal(readAdmission(bytes, cluster.publicKey), undefined);
      assert.equal(readListHead(bytes, cluster.publicKey), undefined);
      assert.equal(new DenyList(cluster.publicKey).hear(bytes).heard, "false");
      assert.equal(isHostProven(host.id, bytes, bytes, bytes), false);
      assert.equal(isHostProven(hostIdOf(text), bytes, bytes, bytes), false);
      assert.equal(typeof readToken(`DARNER-1-${text}`), "string");
    }),
    { numRuns: 500 },
  );
});

test("a host is proven by its own signature over this challenge, for this cluster only", () => {
  const challenge = new Uint8Array(32).fill(1);
  const proof = proveHost(challenge, cluster.publicKey, host);
  assert.equal(isHostProven(host.id, proof, challenge, cluster.publicKey), true);
  assert.equal(isHostProven(guest.id, proof, challenge, cluster.publicKey), false);
  assert.equal(isHostProven(host.id, proof, new Uint8Array(32), cluster.publicKey), false);
  assert.equal(isHostProven(host.id, proof, challenge, other.publicKey), false);
});

test("two hosts prove the secret to each other; a proof is good for its side, its hosts and its nonces only", () => {
  const { secret } = drawToken(cluster.publicKey);
  const pair = { child: host.id, parent: guest.id, childNonce: new Uint8Array(32).fill(1), parentNonce: new Uint8Array(32).fill(2) };
  const proof = provePair(secret, "child", pair);
  assert.equal(isPairProven(proof, secret, "child", pair), true);
  assert.equal(isPairProven(proof, secret, "parent", pair), false);
  assert.equal(isPairProven(proof, secret, "child", { ...pair, parent: cluster.id }), false);
  assert.equal(isPairProven(proof, secret, "child", { ...pair, parentNonce: pair.childNonce }), false);
  assert.equal(isPairProven(proof, drawToken(cluster.publicKey).secret, "child", pair), false);
});

test("a list follows its changes, refuses an older version of it, and forgets itself where something was missed", () => {
  const lists = new MemberLists(cluster.publicKey);
  const change = (
    epoch: number,
    version: number,
    all: HostId[],
    full: boolean,
    added: HostId[],
    removed: HostId[] = [],
  ): string | undefined => lists.change({ head: writeListHead(epoch, version, new Set(all), cluster), full, added, removed });
  assert.equal(change(1, 1, [host.id], true, [host.id]), undefined);
  assert.equal(change(1, 2, [host.id, guest.id], false, [guest.id]), undefined);
  assert.deepEqual([lists.has(host.id), lists.has(guest.id), lists.has(other.id)], [true, true, false]);
  assert.equal(change(1, 1, [host.id], true, [host.id]), "older", "a replay");
  assert.equal(change(2, 1, [other.id], true, [other.id]), undefined, "another scheduler's list stands beside it");
  assert.deepEqual([lists.has(guest.id), lists.has(other.id)], [true, true]);
  assert.equal(change(2, 2, [other.id, host.id], false, [guest.id]), "other-hosts");
  assert.deepEqual([lists.has(other.id), lists.heads().length], [false, 1]);
  const forged = { head: writeListHead(1, 9, new Set([other.id]), other), full: true, added: [other.id], removed: [] };
  assert.equal(lists.change(forged), "false-head");
});

test("lists of denials are joined by telling each other what they have, in any order", () => {
  const denials = [host, guest, other].map(({ id }, at) => writeDenial(id, at, cluster));
  fc.assert(
    fc.property(fc.shuffledSubarray(denials, { minLength: 3 }), fc.shuffledSubarray(denials), (first, second) => {
      const [left, right] = [new DenyList(cluster.publicKey), new DenyList(cluster.publicKey)];
      for (const denial of first) left.hear(denial);
      for (const denial of second) right.hear(denial);
      for (const denial of left.denials()) right.hear(denial);
      assert.deepEqual(left.digest(), right.digest());
      assert.equal(right.size, 3);
    }),
    { numRuns: 20 },
  );
});

test("tokens are checked against the file as it is now: several at once, expired, revoked, changed by another process", async () => {
  await using dir = await openTempDir();
  const path = join(dir.path, "tokens.json");
  const [mine, theirs] = [new TokenFile(path), new TokenFile(path)];
  const [first, second] = [drawToken(cluster.publicKey), drawToken(cluster.publicKey)];
  await Promise.all([mine.add(first, { description: "a" }, 0), theirs.add(second, { description: "b", expiresAt: 1000 }, 0)]);
  assert.equal(await mine.check(first.id, first.secret.reveal(), 5), "valid");
  assert.equal(await mine.check(second.id, second.secret.reveal(), 999), "valid");
  assert.equal(await mine.check(second.id, second.secret.reveal(), 1000), "expired");
  assert.equal(await mine.check(second.id, first.secret.reveal(), 5), "wrong-secret");
  assert.equal(await theirs.revoke(first.id), true);
  assert.equal(await mine.check(first.id, first.secret.reveal(), 5), "unknown");
  assert.equal(await theirs.revoke(first.id), false);
  assert.equal((await mine.tokens()).length, 1);
});

test("a signing key that is gone while members are known is told, not made anew", async () => {
  await using dir = await openTempDir();
  const made = await openSigningKey(dir.path, undefined);
  assert.equal((await openSigningKey(dir.path, undefined)).id, made.id);
  await writeWhole(join(dir.path, "members.json"), "{}");
  await (await import("node:fs/promises")).rm(join(dir.path, "signing.key"));
  await assert.rejects(openSigningKey(dir.path, undefined), (error) => error instanceof StartError && /is gone, but/.test(error.message));
  await assert.rejects(
    openSigningKey(dir.path, "/nowhere/key"),
    (error) => error instanceof StartError && /join\.signingKeyFile/.test(error.message),
  );
});
