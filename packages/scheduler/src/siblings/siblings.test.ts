import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openCertificate, openSigningKey, type OwnKey } from "@darner/membership";
import { JobError, type JobRequest, type Jobs } from "@darner/preheat";
import { createRegistry, Secret, systemClock } from "@darner/runtime";
import { capturedLog, noLeaks, openTempDir, type CapturedLog } from "@darner/testkit";
import { eventually } from "../../test/eventually.ts";
import { ScriptedJobs } from "../../test/scripted-jobs.ts";
import { SiblingClient } from "../grpc/sibling-client.ts";
import { siblingService } from "../grpc/sibling-server.ts";
import { openSessionServer } from "../grpc/session-server.ts";
import { openDoor } from "../members/door.ts";
import { createSchedulerMetrics } from "../metrics.ts";
import { AbsentJobs } from "./absent-jobs.ts";
import { ForwardedJobs } from "./forwarded-jobs.ts";
import { readAnswer, readQuestion, type SiblingFacts } from "./question.ts";
import { SiblingBook } from "./sibling-book.ts";
import { SiblingDesk } from "./sibling-desk.ts";
import { siblingProof, type SiblingProof } from "./sibling-proof.ts";

noLeaks();

const MINUTE = 60_000;
// Who is there answers, on the slowest machine; who is not refuses at once.
const PATIENT = { factsMs: MINUTE, createMs: MINUTE, askMs: MINUTE };
const NOBODY = { onHello() {}, onMessage() {}, onSlowed() {}, onRefused() {}, onEnd() {} };
const REQUEST: JobRequest = {
  images: [{ repository: { registry: "harbor.corp", name: "team/app" }, tag: "v1" }],
  scope: { kind: "hosts", percent: 50, zones: ["eu-1"] },
  priority: 1,
  deadlineMs: MINUTE,
  pinMs: 0,
  requireAll: false,
  via: "harbor",
};
// Nobody shows a token here: the tests with keys have none, those without have one of these.
const tokensOf = (token: string): SiblingProof => ({
  prove: (challenge) => Promise.resolve(new TextEncoder().encode(`${token}${Buffer.from(challenge).toString("hex")}`)),
  isProven: (proof, challenge) => Promise.resolve(Buffer.from(proof).toString() === `${token}${Buffer.from(challenge).toString("hex")}`),
});

/** A scheduler as far as others ask it, with scripted jobs; its followers and the time are changed by hand. */
type Bench = AsyncDisposable & {
  readonly own: ScriptedJobs;
  readonly jobs: Jobs;
  readonly book: SiblingBook;
  readonly address: string;
  readonly log: CapturedLog;
  readonly told: { followers: number; now: number; next: number };
  /** What its metrics say of questions that it has asked another scheduler: `create answered 1`, by name. */
  asked(): Promise<string[]>;
};

type Plan = { readonly key?: OwnKey; readonly token?: string; readonly listen?: string; readonly asOrdinal?: number };

/** Opens the scheduler of an ordinal; `addresses` is filled by the test, as hosts and configurations do. */
async function openBench(
  ordinal: number,
  addresses: string[],
  { key, token = "", listen = "127.0.0.1:0", asOrdinal }: Plan,
): Promise<Bench> {
  const own = new ScriptedJobs(ordinal);
  const log = capturedLog();
  const told = { followers: 0, now: 0, next: 1 };
  const facts = (): SiblingFacts => ({
    instance: `i${String(ordinal)}`,
    name: `s${String(ordinal)}`,
    ordinal: asOrdinal ?? ordinal,
    ...told,
  });
  const proof = siblingProof(key, tokensOf(token));
  const desk = new SiblingDesk(own, facts);
  await using certificates = await openTempDir();
  const tls =
    key === undefined
      ? {}
      : { tls: { privateKeyPem: key.privateKeyPem, certificatePem: await openCertificate(`${certificates.path}/crt`, key) } };
  const services = [siblingService({ proof, desk, timers: systemClock, log })];
  const server = await openSessionServer({ listen, services, ...tls }, { listener: NOBODY, door: openDoor, timers: systemClock });
  const link = new SiblingClient({ proof, signingKey: key?.publicKey, log });
  const onNumbered = (next: number): void => {
    told.next = Math.max(told.next, next);
  };
  const book = new SiblingBook({ link, addresses: () => addresses, facts, onNumbered, patience: PATIENT, timers: systemClock, log });
  const absent = new AbsentJobs(() => told.now);
  const metrics = createRegistry();
  const { forwarded } = createSchedulerMetrics(metrics);
  const followers = (): number => told.followers;
  const jobs = new ForwardedJobs({
    local: own,
    ordinal,
    followers,
    book,
    link,
    absent,
    patience: PATIENT,
    timers: systemClock,
    log,
    forwarded,
  });
  return {
    ...{ own, jobs, book, log, told, address: server.address },
    asked: async () => {
      const lines = (await metrics.metrics()).matchAll(/^darner_scheduler_forwarded_total\{question="(.+)",outcome="(.+)"\} ([0-9]+)$/gm);
      return [...lines].map(([, ...words]) => words.join(" ")).toSorted();
    },
    [Symbol.asyncDispose]: async () => {
      book[Symbol.dispose]();
      link[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Two schedulers of one cluster that know of each other; the second one is active. */
async function openPair(
  plan: Plan,
): Promise<AsyncDisposable & { readonly standby: Bench; readonly active: Bench; readonly addresses: string[] }> {
  const addresses: string[] = [];
  const [standby, active] = [await openBench(0, addresses, plan), await openBench(1, addresses, plan)];
  addresses.push(standby.address, active.address);
  active.told.followers = 3;
  return {
    ...{ standby, active, addresses },
    [Symbol.asyncDispose]: async () => {
      await standby[Symbol.asyncDispose]();
      await active[Symbol.asyncDispose]();
    },
  };
}

async function aKey(): Promise<OwnKey> {
  await using dir = await openTempDir();
  return await openSigningKey(dir.path, undefined);
}

test("a job that is asked for at a standby is made by the active scheduler, with its credential, and any of them answers for it", async () => {
  await using pair = await openPair({ key: await aKey() });
  const { standby, active } = pair;
  const job = await standby.jobs.create(REQUEST, { authorization: new Secret("Bearer pull-token") });
  assert.equal(job.id % 16, 1);
  assert.deepEqual(active.own.credentials, ["Bearer pull-token"]);
  assert.deepEqual(active.own.jobs.get(job.id)?.request, REQUEST);
  assert.deepEqual([standby.own.jobs.size, standby.log.text().includes("pull-token")], [0, false]);
  const local = await active.jobs.create(REQUEST);
  standby.told.followers = 1;
  const kept = await standby.jobs.create(REQUEST);
  assert.deepEqual([local.id % 16, kept.id % 16], [1, 0]);
  active.own.change(job.id, { state: "succeeded", finishedAt: 5 });
  assert.equal((await standby.jobs.get(job.id))?.state, "succeeded");
  assert.equal((await active.jobs.get(kept.id))?.state, "pending");
  for (const { jobs } of [standby, active]) {
    assert.deepEqual(
      (await jobs.list({ limit: 10 })).map(({ id }) => id),
      [33, 17, 16],
    );
    assert.equal(await jobs.get(999 * 16 + 1), undefined);
    assert.equal(await jobs.get(999 * 16 + 7), undefined, "there is no scheduler of that ordinal");
  }
  assert.equal(await standby.jobs.cancel(local.id), true);
  assert.equal(active.own.jobs.get(local.id)?.state, "cancelled");
  assert.equal(await standby.jobs.cancel(local.id), false);
  assert.equal(await active.jobs.remove(kept.id), true);
  assert.equal(standby.own.jobs.size, 0);
  assert.deepEqual(await standby.asked(), ["cancel answered 2", "create answered 1", "get answered 2", "list answered 1"]);
  assert.deepEqual(await active.asked(), ["get answered 1", "list answered 1", "remove answered 1"]);
});

test("what the active scheduler refuses is refused with its sentence; a job of another one is watched to its end", async () => {
  await using pair = await openPair({ key: await aKey() });
  const { standby, active } = pair;
  active.own.failure = new JobError({ code: "busy" }, "2000 jobs are open");
  await assert.rejects(
    standby.jobs.create(REQUEST),
    (error) => error instanceof JobError && error.detail.code === "busy" && /2000/.test(error.message),
  );
  active.own.failure = undefined;
  const { id } = await standby.jobs.create(REQUEST);
  const seen: string[] = [];
  for await (const { state } of standby.jobs.watch(id, new AbortController().signal)) {
    seen.push(state);
    if (seen.length === 1) active.own.change(id, { state: "running" });
    if (seen.length === 2) active.own.change(id, { state: "succeeded", finishedAt: 9 });
  }
  assert.deepEqual(seen, ["pending", "running", "succeeded"]);
});

test("while a job's scheduler does not answer the job is under way, for 28 minutes; it goes on when that one is back", async () => {
  const key = await aKey();
  await using pair = await openPair({ key });
  const { standby, active, addresses } = pair;
  const [first, over, unseen] = [await standby.jobs.create(REQUEST), await standby.jobs.create(REQUEST), await active.jobs.create(REQUEST)];
  active.own.change(over.id, { state: "succeeded", finishedAt: 9 });
  assert.equal((await standby.jobs.get(over.id))?.state, "succeeded");
  await active[Symbol.asyncDispose]();
  standby.told.now = MINUTE;
  for (const { id } of [first, unseen]) {
    const job = await standby.jobs.get(id);
    assert.deepEqual([job?.id, job?.state, (job?.createdAt ?? 0) <= (job?.updatedAt ?? 0)], [id, "pending", true]);
  }
  assert.equal((await standby.jobs.get(over.id))?.state, "succeeded", "what was over is over");
  await assert.rejects(standby.jobs.remove(first.id), (error) => error instanceof JobError && error.detail.code === "absent");
  assert.equal((await standby.jobs.create(REQUEST)).id % 16, 0, "a job that nobody else takes is taken here");
  assert.ok(
    (await standby.asked()).some((line) => /^get absent [1-9]/.test(line)),
    "who did not answer is counted",
  );
  standby.told.now = 29 * MINUTE + 1000;
  for (const { id } of [first, unseen]) {
    const job = await standby.jobs.get(id);
    assert.equal(job?.state, "failed");
    assert.match(job.error ?? "", /has not answered for 28 minutes: start that scheduler/);
  }
  await using back = await openBench(1, addresses, { key, listen: active.address });
  const again = await back.own.create(REQUEST);
  back.own.change(again.id, { state: "running" });
  let seen: string | undefined;
  while (seen !== "running") seen = (await standby.jobs.get(again.id))?.state;
});

test("a watch goes on over the loss of the job's scheduler", async () => {
  const key = await aKey();
  await using pair = await openPair({ key });
  const { standby, active, addresses } = pair;
  const { id } = await standby.jobs.create(REQUEST);
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { state } of standby.jobs.watch(id, new AbortController().signal)) seen.push(state);
  })();
  await eventually(() => seen.length === 1, "the job now");
  await active[Symbol.asyncDispose]();
  await eventually(() => seen.length === 2, "the job while its scheduler is away");
  await using back = await openBench(1, addresses, { key, listen: active.address });
  await back.own.create(REQUEST);
  back.own.change(id, { state: "succeeded", finishedAt: 9 });
  await watching;
  assert.deepEqual([seen.slice(0, 2), seen.at(-1)], [["pending", "pending"], "succeeded"]);
});

test("without knowing who is away an id may be theirs: it is under way; of one scheduler alone it is none", async () => {
  const key = await aKey();
  const addresses: string[] = [];
  await using alone = await openBench(0, addresses, { key });
  assert.equal(await alone.jobs.get(17), undefined);
  addresses.push(alone.address);
  assert.equal(await alone.jobs.get(17), undefined, "one address is its own");
  addresses.push("127.0.0.1:1");
  assert.equal((await alone.jobs.get(17))?.state, "pending");
  assert.equal(await alone.jobs.get(16), undefined, "its own ids it knows");
});

test("who has another signing key is asked nothing and told nothing, also where everything else is right", async () => {
  const addresses: string[] = [];
  await using right = await openBench(0, addresses, { key: await aKey() });
  await using wrong = await openBench(1, addresses, { key: await aKey() });
  addresses.push(right.address, wrong.address);
  wrong.told.followers = 3;
  const job = await right.jobs.create(REQUEST, { authorization: new Secret("Bearer pull-token") });
  assert.deepEqual([job.id % 16, wrong.own.jobs.size], [0, 0]);
  assert.match(right.log.text(), /another signing key/);
});

test("without keys schedulers know each other by a token of the API; who knows none gets no answer, and leaves a line in the log", async () => {
  await using pair = await openPair({ token: "one" });
  assert.equal((await pair.standby.jobs.create(REQUEST)).id % 16, 1);
  const addresses = [...pair.addresses];
  await using stranger = await openBench(2, addresses, { token: "two" });
  addresses.push(stranger.address);
  await stranger.book.look();
  assert.ok(stranger.book.others.every(({ address, facts }) => facts === undefined || address === stranger.address));
  assert.match(pair.active.log.text(), /no scheduler of this cluster asks/);
});

test("ids go on above those of the others, and two schedulers of one ordinal are told of", async () => {
  const key = await aKey();
  const addresses: string[] = [];
  await using first = await openBench(0, addresses, { key });
  await using second = await openBench(1, addresses, { key, asOrdinal: 0 });
  addresses.push(first.address, second.address);
  second.told.next = 500;
  await first.book.look();
  assert.equal(first.told.next, 500);
  assert.match(first.log.text(), /same ids: set jobs.ordinal/);
});

test("any text is a question or a sentence, and an answer or none", () => {
  const word = fc.constantFrom("facts", "create", "get", "list", "cancel", "remove", "watch", "job", "jobs", "refused");
  const value = fc.oneof(fc.jsonValue(), fc.constant(REQUEST), fc.record({ limit: fc.integer() }));
  const near = fc.record({ type: word, id: value, request: value, filter: value }).map((one) => JSON.stringify(one));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), near), (text) => {
      const read = readQuestion(text);
      assert.ok(read.ok ? read.question.type.length > 0 : read.why.length > 0);
      readAnswer(text);
    }),
    { numRuns: 1000 },
  );
  assert.deepEqual(readQuestion(JSON.stringify({ type: "create", request: REQUEST })), {
    ok: true,
    question: { type: "create", request: REQUEST },
  });
});
