import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync, verify, X509Certificate } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inspect, promisify } from "node:util";
import { parseHostId } from "@darner/domain";
import { StartError } from "@darner/runtime";
import { openTempDir } from "@darner/testkit";
import { publicKeyFromRaw } from "@libp2p/crypto/keys";
import { peerIdFromPublicKey } from "@libp2p/peer-id";
import { hostIdFromCertificate, hostIdOfKey, publicKeyOf } from "@darner/membership";
import { openIdentity } from "./identity.ts";

test("a host makes its key at the first start and keeps it", async () => {
  await using dir = await openTempDir();
  const first = await openIdentity(join(dir.path, "daemon"));
  const again = await openIdentity(join(dir.path, "daemon"));
  assert.equal(again.host, first.host);
  assert.equal(again.certificatePem, first.certificatePem);
  assert.deepEqual((await readdir(join(dir.path, "daemon"))).sort(), ["host.crt", "host.key"]);
  assert.equal((await stat(join(dir.path, "daemon", "host.key"))).mode & 0o777, 0o600);
});

test("the host id is what libp2p makes of the same key", async () => {
  await using dir = await openTempDir();
  const { host, publicKey } = await openIdentity(dir.path);
  assert.equal(host, peerIdFromPublicKey(publicKeyFromRaw(publicKey)).toString());
  assert.equal(parseHostId(host), host);
  assert.throws(() => hostIdOfKey(publicKey.subarray(1)), RangeError);
});

test("what the identity signs is right under its public key", async () => {
  await using dir = await openTempDir();
  const identity = await openIdentity(dir.path);
  const key = publicKeyOf(identity.publicKey);
  assert.ok(key !== undefined);
  const words = Buffer.from("who goes there");
  assert.equal(verify(null, words, key, identity.sign(words)), true);
  assert.equal(verify(null, Buffer.from("somebody else"), key, identity.sign(words)), false);
});

test("the certificate speaks for the host, is signed by its key and does not expire", async () => {
  await using dir = await openTempDir();
  const { host, certificatePem } = await openIdentity(dir.path);
  const certificate = new X509Certificate(certificatePem);
  assert.equal(hostIdFromCertificate(new Uint8Array(certificate.raw)), host);
  assert.equal(hostIdFromCertificate(certificate), host);
  assert.equal(certificate.verify(certificate.publicKey), true);
  assert.equal(certificate.validToDate.getUTCFullYear(), 9999);
});

test("a lost or foreign certificate is made again, the key stays", async () => {
  await using dir = await openTempDir();
  await using other = await openTempDir();
  const { host } = await openIdentity(dir.path);
  const foreign = await openIdentity(other.path);
  for (const content of ["garbage", foreign.certificatePem, ""]) {
    await writeFile(join(dir.path, "host.crt"), content);
    const again = await openIdentity(dir.path);
    assert.equal(again.host, host);
    assert.equal(hostIdFromCertificate(again.certificatePem), host);
    assert.equal(await readFile(join(dir.path, "host.crt"), "utf8"), again.certificatePem);
  }
});

test("what is no certificate of an Ed25519 key speaks for nobody", () => {
  for (const raw of ["", "garbage", new Uint8Array(0), new Uint8Array([0x30, 0x82, 0xff, 0xff])]) {
    assert.equal(hostIdFromCertificate(raw), undefined);
  }
});

test("a file that holds no Ed25519 key stops the start and is left as it is", async () => {
  await using dir = await openTempDir();
  const path = join(dir.path, "host.key");
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  for (const content of ["", "garbage", rsa]) {
    await writeFile(path, content);
    await assert.rejects(openIdentity(dir.path), (error) => {
      assert.ok(error instanceof StartError);
      assert.deepEqual(error.detail, { code: "file-unusable", path, key: "dataDir" });
      assert.ok(error.message.includes(path));
      return true;
    });
    assert.equal(await readFile(path, "utf8"), content);
  }
});

test("a key that cannot be read stops the start and is not replaced", async () => {
  await using dir = await openTempDir();
  const path = join(dir.path, "host.key");
  await mkdir(path);
  await assert.rejects(
    openIdentity(dir.path),
    (error) => error instanceof StartError && error.detail.code === "file-unusable" && error.message.includes(path),
  );
});

test("a place where no key can be written stops the start with its name", async () => {
  await using dir = await openTempDir();
  const blocked = join(dir.path, "file");
  await writeFile(blocked, "in the way");
  await assert.rejects(openIdentity(join(blocked, "daemon")), (error) => {
    assert.ok(error instanceof StartError);
    assert.ok(error.message.includes(join(blocked, "daemon", "host.key")));
    return true;
  });
});

test("an identity never prints its private key", async () => {
  await using dir = await openTempDir();
  const identity = await openIdentity(dir.path);
  assert.ok(!JSON.stringify(identity).includes("PRIVATE"));
  assert.ok(!inspect(identity, { depth: 9 }).includes("PRIVATE"));
});

test("opening a kept identity loads neither libp2p nor the certificate library", async () => {
  await using dir = await openTempDir();
  await openIdentity(dir.path);
  const script = `
    const { openIdentity } = await import(${JSON.stringify(new URL("identity.ts", import.meta.url).href)});
    await openIdentity(${JSON.stringify(dir.path)});
    process.stdout.write(JSON.stringify([...globalThis.imported]));`;
  const spy = `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from "node:module";
    globalThis.imported = new Set();
    registerHooks({ resolve(specifier, context, next) { globalThis.imported.add(specifier); return next(specifier, context); } });`)}`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--conditions=source",
    "--import",
    spy,
    "--input-type=module",
    "-e",
    script,
  ]);
  const seen = JSON.parse(stdout) as string[];
  assert.ok(seen.includes("multiformats/bases/base58"), "the spy sees imports");
  assert.deepEqual(
    seen.filter((name) => /libp2p|x509|reflect-metadata/.test(name)),
    [],
  );
});
