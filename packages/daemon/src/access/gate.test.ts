import assert from "node:assert/strict";
import { test } from "node:test";
import { openRegistryClient } from "@darner/registry-client";
import { Secret } from "@darner/runtime";
import { noLeaks, openScriptedRegistry, randomBlob, buildImage, type AccessPlan, type ScriptedFault } from "@darner/testkit";
import { ACCESS, found, openBackendBench, refusal, tokenOf, type BackendBench } from "../../test/backend-bench.ts";
import { whileTimePasses } from "../../test/eventually.ts";
import { readAll } from "../../test/read-blob.ts";
import { Gate } from "./gate.ts";
import { Contents } from "./contents.ts";
import { RecentNoes } from "./recent-noes.ts";
import { Rights } from "./rights.ts";

noLeaks();

const USERS: AccessPlan = { scheme: "bearer", users: { ann: "secret", eve: "other" }, privateRepositories: ["team/app"] };
const wrong = { authorization: new Secret("Bearer made-up") };

/** A bench whose store holds a private blob that ann pulled, and the caller ann. */
async function withPrivateBlob(): Promise<{ bench: BackendBench; digest: string; ann: Awaited<ReturnType<typeof tokenOf>> }> {
  const bench = await openBackendBench({ access: USERS });
  const { digest } = bench.registry.content.pushBlob("team/app", randomBlob("private", 300_000).bytes);
  const ann = await tokenOf(bench.registry, "team/app", "ann", "secret");
  await readAll(found(await bench.blob("team/app", digest, { caller: ann })).blob);
  return { bench, digest, ann };
}

test("case 71: cached private content is not there for a caller who shows no credential: 401 with the registry's challenge as it came", async () => {
  const { bench, digest } = await withPrivateBlob();
  await using _bench = bench;
  const answer = await bench.blob("team/app", digest);
  assert.ok(answer.kind === "refused");
  assert.equal(answer.status, 401);
  assert.match(answer.challenges?.[0] ?? "", /^Bearer realm="http:.*\/token",service="scripted",scope="repository:team\/app:pull"/);
  assert.match(Buffer.from(answer.body?.bytes ?? []).toString(), /"code":"UNAUTHORIZED"/);
});

test("case 71: whether a private blob is cached here does not show", async () => {
  const { bench, digest } = await withPrivateBlob();
  await using _bench = bench;
  const [cached, uncached] = [await bench.blob("team/app", digest), await bench.blob("team/app", randomBlob("never", 10).digest)];
  assert.deepEqual(cached, uncached);
});

test("case 72: a wrong credential is refused and takes nobody else's right", async () => {
  const { bench, digest, ann } = await withPrivateBlob();
  await using _bench = bench;
  assert.deepEqual(refusal(await bench.blob("team/app", digest, { caller: wrong })), [401, "UNAUTHORIZED"]);
  const before = bench.asked().length;
  await readAll(found(await bench.blob("team/app", digest, { caller: ann })).blob);
  assert.equal(bench.asked().length, before, "ann's right stands: nobody was asked");
});

test("case 73: an expired token is told so, so that the client fetches a new one", async () => {
  const { bench, digest, ann } = await withPrivateBlob();
  await using _bench = bench;
  bench.registry.expireTokens();
  bench.clock.advance(ACCESS.grantSeconds * 1000);
  const answer = await bench.blob("team/app", digest, { caller: ann });
  assert.ok(answer.kind === "refused" && answer.status === 401);
  assert.match(answer.challenges?.[0] ?? "", /error="invalid_token"/);
});

test("case 73: a standing right is asked for again when its time is over, and goes with the registry's no", async () => {
  const { bench, digest, ann } = await withPrivateBlob();
  await using _bench = bench;
  bench.registry.expireTokens();
  await readAll(found(await bench.blob("team/app", digest, { caller: ann })).blob);
  bench.registry.content.pushManifest("team/app", buildImage({ layers: [] }).manifest, "v1");
  // The tag is asked for at the registry, and its no counts for everything of the repository.
  assert.deepEqual(refusal(await bench.manifest("team/app", "v1", { caller: ann })), [401, "UNAUTHORIZED"]);
  assert.deepEqual(refusal(await bench.blob("team/app", digest, { caller: ann })), [401, "UNAUTHORIZED"]);
});

test("case 87: a digest of a private repository asked through a public one is asked there, never served from cache", async () => {
  const { bench, digest } = await withPrivateBlob();
  await using _bench = bench;
  bench.registry.content.pushBlob("library/public", randomBlob("public", 10).bytes);
  assert.deepEqual(refusal(await bench.blob("library/public", digest)), [404, "BLOB_UNKNOWN"]);
  assert.deepEqual(refusal(await bench.blob("library/public", digest, { headOnly: true })), [404, "BLOB_UNKNOWN"]);
});

test("case 87: two repositories with the same blob share its bytes and not their rights", async () => {
  const { bench, digest } = await withPrivateBlob();
  await using _bench = bench;
  const { bytes } = bench.registry.content.pushBlob("library/public", randomBlob("private", 300_000).bytes);
  const sent = bench.registry.bodyBytes();
  assert.ok((await readAll(found(await bench.blob("library/public", digest)).blob)).equals(bytes));
  assert.equal(bench.registry.bodyBytes() - sent, 0, "the bytes were here");
  assert.deepEqual(refusal(await bench.blob("team/app", digest)), [401, "UNAUTHORIZED"]);
});

test("case 80, 86: a right at one registry is none at another of the same repository name", async () => {
  await using other = await openScriptedRegistry({ access: USERS });
  await using bench = await openBackendBench({ access: USERS }, [other]);
  const image = buildImage({ layers: [{ bytes: 1000, seed: 1 }] });
  const otherImage = buildImage({ layers: [{ bytes: 1000, seed: 2 }] });
  bench.registry.content.push("team/app", image, "v1");
  other.content.push("team/app", otherImage, "v1");
  const ann = await tokenOf(bench.registry, "team/app", "ann", "secret");
  assert.equal(found(await bench.manifest("team/app", "v1", { caller: ann })).digest, image.index.digest);
  assert.deepEqual(refusal(await bench.manifest("team/app", "v1", { caller: ann, from: other })), [401, "UNAUTHORIZED"]);
  const annThere = await tokenOf(other, "team/app", "ann", "secret");
  assert.equal(found(await bench.manifest("team/app", "v1", { caller: annThere, from: other })).digest, otherImage.index.digest);
});

test("registry down: a public repository and a credential that arrives unchanged keep their right for the grace, others do not", async () => {
  const { bench, digest, ann } = await withPrivateBlob();
  await using _bench = bench;
  const open = bench.registry.content.pushBlob("library/public", randomBlob("public", 1000).bytes);
  await readAll(found(await bench.blob("library/public", open.digest)).blob);
  const eve = await tokenOf(bench.registry, "team/app", "eve", "other");
  bench.registry.fault({ do: { kind: "status", status: 502 } });
  bench.clock.advance((ACCESS.publicSeconds + 1) * 1000);
  await readAll(found(await bench.blob("library/public", open.digest)).blob);
  await readAll(found(await bench.blob("team/app", digest, { caller: ann })).blob);
  assert.deepEqual(refusal(await bench.blob("team/app", digest, { caller: eve })), [503, "BLOB_UNKNOWN"]);
  assert.deepEqual(refusal(await bench.blob("team/app", digest)), [503, "BLOB_UNKNOWN"]);
  bench.clock.advance(ACCESS.graceSeconds * 1000);
  assert.deepEqual(refusal(await bench.blob("library/public", open.digest)), [503, "BLOB_UNKNOWN"]);
  assert.deepEqual(refusal(await bench.blob("team/app", digest, { caller: ann })), [503, "BLOB_UNKNOWN"]);
});

test("case 78: a registry that wants to be left alone is not asked again; what is here is served, what is not is 503 and never 429", async () => {
  await using bench = await openBackendBench();
  const held = bench.registry.content.pushBlob("library/a", randomBlob("held", 1000).bytes);
  await readAll(found(await bench.blob("library/a", held.digest)).blob);
  bench.clock.advance((ACCESS.publicSeconds + 1) * 1000);
  const limit = bench.registry.fault({ do: { kind: "status", status: 429, headers: { "retry-after": "7" } } });
  await readAll(found(await bench.blob("library/a", held.digest)).blob);
  const answer = await bench.blob("library/a", randomBlob("other", 10).digest);
  assert.ok(answer.kind === "refused");
  assert.deepEqual([answer.status, answer.code], [503, "TOOMANYREQUESTS"]);
  assert.ok((answer.retryAfterSeconds ?? 0) > 0 && (answer.retryAfterSeconds ?? 0) <= 7);
  assert.equal(limit.struck, 1, "one answer is honoured once for all");
});

test("case 78: a short pause that the registry wants is waited out once, and then it is asked again; a long one is told at once", async () => {
  await using bench = await openBackendBench();
  const registry = openRegistryClient(
    { registries: { [bench.registry.host]: { plainHttp: true } } },
    { log: bench.log, timers: bench.clock },
  );
  await using _client = { [Symbol.asyncDispose]: () => registry.close() };
  const gate = new Gate({
    registry,
    rights: new Rights(ACCESS, bench.clock),
    contents: new Contents(),
    noes: new RecentNoes(bench.clock, ACCESS.graceSeconds * 1000),
    metrics: bench.daemonMetrics,
    hasOwnCredential: () => false,
    held: () => undefined,
  });
  const request = { repository: { registry: bench.registry.host, name: "library/a" }, caller: {} } as const;
  const { digest } = bench.registry.content.pushBlob("library/a", randomBlob("later", 7).bytes);
  const image = buildImage({ layers: [] });
  bench.registry.content.pushManifest("library/a", image.manifest, "v1");
  const pause = (seconds: number): ScriptedFault =>
    bench.registry.fault({ times: 1, do: { kind: "status", status: 429, headers: { "retry-after": String(seconds) } } });
  const began = bench.clock.now();
  pause(2);
  const pass = await whileTimePasses(bench.clock, gate.check({ ...request, kind: "blob", reference: digest }));
  assert.equal(pass.facts.size, 7);
  assert.ok(bench.clock.now() - began >= 2000, "not before the pause was over");
  pause(2);
  const tag = await whileTimePasses(bench.clock, gate.ask({ ...request, kind: "manifest", reference: "v1" }));
  assert.equal(tag.head?.digest, image.manifest.digest, "a tag waits as a digest does");
  pause(60);
  await assert.rejects(gate.ask({ ...request, kind: "manifest", reference: "v2" }), /429|pause/);
  assert.deepEqual(
    bench.registry.requests.map(({ status }) => status),
    [429, 200, 429, 200, 429],
  );
});

test("registry down: a repository that wants a credential says so from memory, and the credential that comes then keeps its right", async () => {
  const { bench, digest, ann } = await withPrivateBlob();
  await using _bench = bench;
  const before = await bench.blob("team/app", digest);
  assert.ok(before.kind === "refused" && before.status === 401);
  bench.clock.advance(ACCESS.grantSeconds * 1000);
  bench.registry.fault({ do: { kind: "status", status: 503 } });
  const away = await bench.blob("team/app", digest);
  assert.deepEqual(away, before, "the same challenge, byte for byte");
  await readAll(found(await bench.blob("team/app", digest, { caller: ann })).blob);
  assert.deepEqual(refusal(await bench.manifest("team/app", "v1")), [401, "UNAUTHORIZED"], "for a tag, too");
  assert.equal(refusal(await bench.blob("team/app", digest, { caller: wrong }))[0], 503, "a credential it never saw stays unknown");
  assert.equal(refusal(await bench.blob("team/other", digest))[0], 503, "what was never asked about is not known");
  bench.clock.advance(ACCESS.graceSeconds * 1000);
  assert.equal(refusal(await bench.blob("team/app", digest))[0], 503, "the grace ends");
});

test("all who ask at once are one question to the registry", async () => {
  await using bench = await openBackendBench();
  const { digest } = bench.registry.content.pushBlob("library/a", randomBlob(7, 2000).bytes);
  const answers = await Promise.all(Array.from({ length: 20 }, () => bench.blob("library/a", digest, { headOnly: true })));
  for (const answer of answers) assert.equal(found(answer).blob.size, 2000);
  assert.equal(bench.asked().length, 1);
});

test("a repository that is public no more is asked in the caller's own name, and is closed to nobody in particular", async () => {
  const plan = { scheme: "bearer", users: { ann: "secret" }, privateRepositories: [] as string[] } satisfies AccessPlan;
  await using bench = await openBackendBench({ access: plan });
  const blobs = ["one", "two"].map((seed) => bench.registry.content.pushBlob("team/app", randomBlob(seed, 5000).bytes));
  const [one, two] = blobs.map(({ digest }) => digest);
  assert.ok(one !== undefined && two !== undefined);
  await readAll(found(await bench.blob("team/app", one)).blob);
  plan.privateRepositories.push("team/app");
  const ann = await tokenOf(bench.registry, "team/app", "ann", "secret");
  await readAll(found(await bench.blob("team/app", two, { caller: ann })).blob);
  assert.deepEqual(refusal(await bench.blob("team/app", one)), [401, "UNAUTHORIZED"]);
});

test("a credential shown for a public repository opens it, and is of no use where nobody needs one", async () => {
  await using bench = await openBackendBench({ access: USERS });
  const { digest } = bench.registry.content.pushBlob("library/a", randomBlob(8, 5000).bytes);
  await readAll(found(await bench.blob("library/a", digest)).blob);
  await readAll(found(await bench.blob("library/a", digest, { caller: wrong })).blob);
});

test("case 79: a challenge that sends secrets to a stranger is not passed on", async () => {
  await using bench = await openBackendBench({ access: { ...USERS, realm: "https://evil.example/token" } });
  const { digest } = bench.registry.content.pushBlob("team/app", randomBlob(9, 10).bytes);
  const answer = await bench.blob("team/app", digest);
  assert.ok(answer.kind === "refused");
  assert.deepEqual([answer.status, answer.challenges], [404, undefined]);
});

test("case 81: a registry that says 401 to every HEAD of a blob is asked for its first byte", async () => {
  await using bench = await openBackendBench();
  const { digest, bytes } = bench.registry.content.pushBlob("library/a", randomBlob(10, 5000).bytes);
  bench.registry.fault({ when: { method: "HEAD", kind: "blob" }, do: { kind: "status", status: 401 } });
  assert.ok((await readAll(found(await bench.blob("library/a", digest)).blob)).equals(bytes));
});

test("case 85: what was not there a moment ago and is pushed now is seen by the next request", async () => {
  await using bench = await openBackendBench();
  const blob = randomBlob(11, 5000);
  assert.deepEqual(refusal(await bench.blob("library/a", blob.digest)), [404, "BLOB_UNKNOWN"]);
  const missed = bench.asked().length;
  assert.deepEqual(refusal(await bench.blob("library/a", blob.digest)), [404, "BLOB_UNKNOWN"]);
  assert.equal(bench.asked().length, missed, "the same question at the same moment has the same answer");
  bench.registry.content.pushBlob("library/a", blob.bytes);
  bench.clock.advance(1000);
  assert.ok((await readAll(found(await bench.blob("library/a", blob.digest)).blob)).equals(blob.bytes));
});

test("no credential reaches the log or the scheduler", async () => {
  const { bench, digest, ann } = await withPrivateBlob();
  await using _bench = bench;
  await bench.blob("team/app", digest, { caller: wrong });
  const token = ann.authorization?.reveal().slice(7) ?? "";
  assert.ok(token.length > 10);
  const told = bench.log.text() + JSON.stringify([bench.link.reports, bench.link.announced]);
  assert.ok(!told.includes(token) && !told.includes("made-up"));
});

test("an image that no pattern of the configuration allows is not there, and nobody is asked", async () => {
  await using bench = await openBackendBench({ allow: ["*/library/**"] });
  assert.deepEqual(refusal(await bench.blob("team/app", randomBlob(12, 5).digest)), [404, "NAME_UNKNOWN"]);
  assert.deepEqual(bench.asked(), []);
});
