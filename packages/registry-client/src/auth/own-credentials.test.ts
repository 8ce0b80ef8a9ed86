import assert from "node:assert/strict";
import { test } from "node:test";
import type { Keychain, OwnCredential } from "@darner/registry-client";
import { Secret } from "@darner/runtime";
import { buildImage, noLeaks, type AccessPlan } from "@darner/testkit";
import { ada, anonymous, failure, openBench, own, type Bench } from "../../test/setup.ts";

noLeaks();

const image = buildImage({ layers: [{ bytes: 1000, seed: 1 }] });
const users = { ada: "pass:word" };
const access = { scheme: "bearer", users, privateRepositories: ["closed", "other"] } satisfies AccessPlan;
const oauth2 = { ...access, identityTokens: { "refresh-1": "ada" }, tokenField: "access_token" } satisfies AccessPlan;

/** A keychain that holds one credential for one repository; `held` may change. */
class OneKey implements Keychain {
  held: OwnCredential | undefined;

  constructor(held: OwnCredential) {
    this.held = held;
  }

  covers(): boolean {
    return this.held !== undefined;
  }

  find(repository: { readonly name: string }): Promise<OwnCredential | undefined> {
    return Promise.resolve(repository.name === "closed" ? this.held : undefined);
  }
}

async function bench(plan: AccessPlan, keychain: Keychain, entry = {}): Promise<Bench> {
  const made = await openBench({ registry: { access: plan }, deps: { keychain }, entry });
  for (const name of ["open", "closed", "other"]) made.registry.content.push(name, image);
  return made;
}

const manifest = (b: Bench, name: string, authority = own): Promise<unknown> =>
  b.client.manifest({ repository: b.repository(name), kind: "manifest", reference: "latest", authority });
const steps = (b: Bench): unknown[] => b.registry.requests.map(({ method, kind, authorization }) => [method, kind, authorization]);

test("a password of the keychain opens the repository it is for and no other", async () => {
  await using b = await bench(access, new OneKey({ kind: "password", ...ada }));
  await manifest(b, "closed");
  await failure(manifest(b, "other"), "unauthorized");
  await failure(manifest(b, "closed", anonymous), "unauthorized");
});

test("what stands under registries goes before the keychain", async () => {
  const wrong = new OneKey({ kind: "password", username: "ada", password: new Secret("wrong") });
  await using b = await bench(access, wrong, { credentials: ada });
  await manifest(b, "closed");
});

test("an identity token is changed for an access token by POST, once for as long as that lives", async () => {
  await using b = await bench(oauth2, new OneKey({ kind: "identity-token", token: new Secret("refresh-1") }));
  await manifest(b, "closed");
  await manifest(b, "closed");
  assert.deepEqual(steps(b), [
    ["GET", "manifest", undefined],
    ["POST", "token", undefined],
    ["GET", "manifest", "Bearer"],
    ["GET", "manifest", "Bearer"],
  ]);
  b.registry.expireTokens();
  await manifest(b, "closed");
  assert.deepEqual(steps(b).slice(4), [
    ["GET", "manifest", "Bearer"],
    ["POST", "token", undefined],
    ["GET", "manifest", "Bearer"],
  ]);
});

test("a token service that knows no GET is shown the password by POST", async () => {
  await using b = await bench(oauth2, new OneKey({ kind: "password", ...ada }));
  await manifest(b, "closed");
  assert.deepEqual(steps(b), [
    ["GET", "manifest", undefined],
    ["GET", "token", "Basic"],
    ["POST", "token", undefined],
    ["GET", "manifest", "Bearer"],
  ]);
});

test("a wrong identity token is unauthorized with the registry's own challenge, and nobody else is asked", async () => {
  await using b = await bench(oauth2, new OneKey({ kind: "identity-token", token: new Secret("made-up") }));
  const refused = await failure(manifest(b, "closed"), "unauthorized");
  assert.match(refused.challenges[0] ?? "", /^Bearer realm=/);
  assert.equal(b.registry.requests.length, 2);
  assert.ok(!b.log.text().includes("made-up"));
});

test("a registry token goes out as it is", async () => {
  await using b = await bench(access, new OneKey({ kind: "registry-token", token: new Secret("ready-made") }));
  await failure(manifest(b, "closed"), "unauthorized");
  assert.equal(b.registry.requests[0]?.headers["authorization"], "Bearer ready-made");
  assert.equal(b.registry.requests.length, 1);
});

test("a credential that is changed for another is used from the next request on", async () => {
  const key = new OneKey({ kind: "password", username: "ada", password: new Secret("wrong") });
  await using b = await bench(access, key);
  await failure(manifest(b, "closed"), "unauthorized");
  key.held = { kind: "password", ...ada };
  await manifest(b, "closed");
});

test("the POST that shows a credential follows no redirect", async () => {
  await using b = await bench(oauth2, new OneKey({ kind: "identity-token", token: new Secret("refresh-1") }));
  b.registry.fault({ when: { kind: "token" }, do: { kind: "redirect", status: 307, to: "second" } });
  await assert.rejects(manifest(b, "closed"));
  assert.deepEqual(
    b.registry.requests.filter(({ kind }) => kind === "token").map(({ host }) => host),
    ["first"],
  );
});
