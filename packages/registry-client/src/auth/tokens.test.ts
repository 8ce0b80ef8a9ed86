import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "@darner/runtime";
import { buildImage, noLeaks, StoppedClock, type ScriptedRegistryPlan } from "@darner/testkit";
import { ada, anonymous, asked, caller, failure, openBench, own, type Bench, type BenchPlan } from "../../test/setup.ts";

noLeaks();

const image = buildImage({ layers: [{ bytes: 1000, seed: 1 }] });
const bearer: ScriptedRegistryPlan = { access: { scheme: "bearer", users: { ada: "pass:word" }, privateRepositories: ["closed"] } };

async function bench(plan: BenchPlan): Promise<Bench> {
  const made = await openBench(plan);
  for (const name of ["open", "closed"]) made.registry.content.push(name, image);
  return made;
}

const manifest = (b: Bench, name: string, authority = anonymous): Promise<unknown> =>
  b.client.manifest({ repository: b.repository(name), kind: "manifest", reference: "latest", authority });

test("an anonymous token is fetched where the registry asks for one, and used again", async () => {
  await using b = await bench({ registry: bearer });
  await manifest(b, "open");
  await manifest(b, "open");
  assert.equal(asked(b, "token").length, 1);
  assert.deepEqual(
    b.registry.requests.map(({ kind, status, authorization }) => [kind, status, authorization]),
    [
      ["manifest", 401, undefined],
      ["token", 200, undefined],
      ["manifest", 200, "Bearer"],
      ["manifest", 200, "Bearer"],
    ],
  );
  assert.equal(b.registry.requests[1]?.query, "service=scripted&scope=repository%3Aopen%3Apull");
});

test("the token may come as access_token", async () => {
  await using b = await bench({ registry: { access: { ...bearer.access, tokenField: "access_token" } } });
  await manifest(b, "open");
});

test("Darner's own credential goes to the token service as Basic and opens a private repository", async () => {
  await using b = await bench({ registry: bearer, entry: { credentials: ada } });
  await manifest(b, "closed", own);
  assert.deepEqual(
    b.registry.requests.map(({ kind, authorization }) => [kind, authorization]),
    [
      ["manifest", undefined],
      ["token", "Basic"],
      ["manifest", "Bearer"],
    ],
  );
});

test("case 71: without a right to it, the registry's challenge comes out verbatim", async () => {
  await using b = await bench({ registry: bearer, entry: { credentials: ada } });
  const refused = await failure(manifest(b, "closed", anonymous), "unauthorized");
  const realm = `Bearer realm="${b.registry.origin}/token",service="scripted",scope="repository:closed:pull"`;
  assert.deepEqual(refused.challenges, [`${realm},error="insufficient_scope"`]);
  assert.match(new TextDecoder().decode(refused.body), /UNAUTHORIZED/);
});

test("case 72: a wrong password is unauthorized, with the registry's own 401", async () => {
  await using b = await bench({ registry: bearer, entry: { credentials: { username: "ada", password: new Secret("wrong") } } });
  const refused = await failure(manifest(b, "closed", own), "unauthorized");
  assert.match(refused.challenges[0] ?? "", /^Bearer realm=/);
});

test("a caller's header goes out as it came; no token is fetched in its place", async () => {
  await using b = await bench({ registry: bearer, entry: { credentials: ada } });
  await failure(manifest(b, "closed", caller("Bearer not-a-token")), "unauthorized");
  assert.equal(b.registry.requests.length, 1);
  assert.equal(b.registry.requests[0]?.headers["authorization"], "Bearer not-a-token");
});

test("case 80: a caller's header is not used for the next request", async () => {
  await using b = await bench({ registry: { access: { scheme: "basic", users: { ada: "pass:word" } } } });
  await manifest(b, "closed", caller(`Basic ${btoa("ada:pass:word")}`));
  await failure(manifest(b, "closed", anonymous), "unauthorized");
});

test("a registry that wants Basic gets Darner's credential, from the second request on at once", async () => {
  await using b = await bench({ registry: { access: { scheme: "basic", users: { ada: "pass:word" } } }, entry: { credentials: ada } });
  await manifest(b, "closed", own);
  await manifest(b, "closed", own);
  assert.deepEqual(
    b.registry.requests.map(({ status, authorization }) => [status, authorization]),
    [
      [401, undefined],
      [200, "Basic"],
      [200, "Basic"],
    ],
  );
});

test("a wrong Basic password is not sent twice in a row for one request", async () => {
  await using b = await bench({ registry: { access: { scheme: "basic", users: { ada: "right" } } }, entry: { credentials: ada } });
  await failure(manifest(b, "open", own), "unauthorized");
  assert.equal(b.registry.requests.length, 2);
});

test("many requests at once share one token fetch", async () => {
  await using b = await bench({ registry: bearer });
  await manifest(b, "open");
  b.registry.expireTokens();
  await Promise.all(Array.from({ length: 20 }, () => manifest(b, "open")));
  // The first fetch, and one for all twenty whose token had ended.
  assert.equal(asked(b, "token").length, 2);
});

test("tokens of different repositories and identities are kept apart", async () => {
  await using b = await bench({ registry: bearer, entry: { credentials: ada } });
  await manifest(b, "open", anonymous);
  await manifest(b, "open", own);
  await manifest(b, "closed", own);
  assert.deepEqual(asked(b, "token").length, 3);
});

test("a token without expires_in is renewed after four fifths of 60 s, one of 300 s after 240 s", async () => {
  for (const [expires, renewAt] of [
    [undefined, 48_000],
    [5, 48_000],
    [300, 240_000],
  ] as const) {
    const clock = new StoppedClock();
    const access = { ...bearer.access, ...(expires === undefined ? {} : { expiresInSeconds: expires }) };
    await using b = await bench({ registry: { access }, deps: { timers: clock } });
    await manifest(b, "open");
    clock.advance(renewAt - 1);
    await manifest(b, "open");
    assert.equal(asked(b, "token").length, 1);
    clock.advance(1);
    await manifest(b, "open");
    assert.equal(asked(b, "token").length, 2);
  }
});

test("a token service that fails while the old token still lives stops nobody", async () => {
  const clock = new StoppedClock();
  await using b = await bench({ registry: bearer, deps: { timers: clock } });
  await manifest(b, "open");
  clock.advance(50_000);
  const fault = b.registry.fault({ when: { kind: "token" }, do: { kind: "status", status: 500 } });
  await manifest(b, "open");
  assert.equal(fault.struck, 1);
  clock.advance(20_000);
  await failure(manifest(b, "open"), "unavailable");
});

test("case 79: a realm at a stranger's is not asked, its challenge is dropped, and the log says what to add", async () => {
  await using b = await bench({
    registry: { access: { ...bearer.access, realm: "http://evil.example/token" } },
    entry: { credentials: ada },
  });
  const refused = await failure(manifest(b, "open", own), "unauthorized");
  assert.deepEqual(refused.challenges, []);
  const [warning] = b.log.lines.filter(({ level }) => level === "warn");
  assert.equal(warning?.message, "token realm refused");
  assert.equal(warning.fields["host"], "evil.example");
});

test("token answers without a token, or with one that is no header value, are no answer", async () => {
  for (const body of ["{}", `{"token":""}`, `{"token":7}`, "not json", "null", `{"token":"a\\nb"}`]) {
    await using b = await bench({ registry: bearer });
    b.registry.fault({ when: { kind: "token" }, do: { kind: "status", status: 200, body } });
    await failure(manifest(b, "open"), "unauthorized");
  }
});

test("case 77: no credential and no query string reaches log, error or metric", async () => {
  await using b = await bench({ registry: bearer, entry: { credentials: ada } });
  b.registry.fault({
    when: { kind: "manifest" },
    skip: 1,
    do: { kind: "redirect", to: { location: "https://user:geheim@cdn.example/x?sig=signed" } },
  });
  const error = await manifest(b, "closed", own).then(
    () => assert.fail("should not succeed"),
    (reason: unknown) => reason,
  );
  const { inspect } = await import("node:util");
  const told = [b.log.text(), JSON.stringify(b.events), inspect(error, { depth: 10 })].join("\n");
  for (const secret of ["pass:word", btoa("ada:pass:word"), "sig=signed", "geheim", "scope="]) assert.ok(!told.includes(secret), secret);
});
