import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { get } from "node:https";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { openScriptedRegistry } from "./scripted-registry/scripted-registry.ts";
import { selfSigned } from "./self-signed.ts";

test("a self-signed certificate is for loopback and the names given, and proves itself", () => {
  const certificate = new X509Certificate(selfSigned(["registry.test"]).cert);
  assert.equal(certificate.subjectAltName, "IP Address:127.0.0.1, DNS:localhost, DNS:registry.test");
  assert.ok(certificate.ca);
  assert.ok(certificate.verify(certificate.publicKey));
});

test("a registry serves https with it to who trusts it, and to nobody else", async () => {
  const tls = selfSigned();
  await using registry = await openScriptedRegistry({ tls });
  const [response] = (await once(get(`${registry.origin}/v2/`, { ca: tls.cert, agent: false }), "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  response.resume();
  await assert.rejects(once(get(`${registry.origin}/v2/`, { agent: false }), "response"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
});
