import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hostIdOf, type Digest } from "@darner/domain";
import { randomBlob } from "@darner/testkit";
import type { ImageContents } from "../image/resolve-image.ts";
import { newJob, type Job } from "../job.ts";
import type { JobRequest, Scope } from "../job-request.ts";
import type { JobEffect } from "./effect.ts";
import { JobEngine } from "./engine.ts";
import type { JobEvent } from "./event.ts";
import { DEFAULT_ENGINE_LIMITS } from "./limits.ts";
import type { LiveHost } from "./live-host.ts";
import { hostsOf } from "./scope.ts";

const repository = { registry: "r.corp", name: "team/app" };
const MINUTE = 60_000;

function hostAt(at: number, more: Partial<LiveHost> = {}): LiveHost {
  const name = `node-${String(at)}`;
  return {
    host: hostIdOf(name),
    name,
    ip: `10.0.0.${String(at)}`,
    zone: `z${String(at % 2)}`,
    labels: {},
    seed: false,
    platform: "linux/amd64",
    ...more,
  };
}

function jobOf(more: Partial<JobRequest> = {}, id = 16): Job {
  const images = [{ repository, tag: "v1" }];
  const request: JobRequest = {
    images,
    scope: { kind: "all-hosts" },
    priority: 0,
    deadlineMs: 28 * MINUTE,
    pinMs: 0,
    requireAll: false,
    via: "api",
    ...more,
  };
  return newJob(id, request, 0);
}

const blobs = ["a", "b", "c"].map((seed) => ({ kind: "blob" as const, digest: randomBlob(seed, 10).digest, size: 10, mediaType: "x" }));
const [a, b, c] = blobs.map(({ digest }) => digest) as [Digest, Digest, Digest];
const contents: ImageContents = {
  repository,
  image: { name: "r.corp/team/app:v1", digest: a, mediaType: "m", platforms: [], otherPlatforms: [], contents: 3, bytes: 30, notes: [] },
  contents: blobs,
};

/** An engine with a clock, and the last that was told of its job. */
class Bench {
  readonly engine = new JobEngine();
  readonly said: JobEffect[] = [];
  now = 0;

  do(...events: JobEvent[]): this {
    for (const event of events) this.said.push(...this.engine.handle(event, this.now));
    return this;
  }

  /** Lets time pass, as a body would: never past a deadline without saying so. */
  pass(ms: number): this {
    const end = this.now + ms;
    for (let next = this.engine.nextDeadline(); next !== undefined && next <= end; next = this.engine.nextDeadline()) {
      this.now = Math.max(this.now, next);
      this.do({ type: "time-passed" });
    }
    this.now = end;
    return this;
  }

  get job(): Job {
    const kept = this.said.findLast((effect) => effect.type === "keep-job");
    assert.ok(kept?.type === "keep-job");
    return kept.job;
  }

  warmed(at: number): { readonly digests: readonly Digest[]; readonly mayRead: boolean }[] {
    return this.said.flatMap((effect) =>
      effect.type === "warm-host" && effect.host === hostAt(at).host
        ? [{ digests: effect.contents.map(({ digest }) => digest), mayRead: effect.mayRead }]
        : [],
    );
  }
}

const open = (more: Partial<JobRequest> = {}, hasCredential = false): JobEvent => ({ type: "job-opened", job: jobOf(more), hasCredential });
const join = (at: number, more: Partial<LiveHost> = {}): JobEvent => ({ type: "host-joined", host: hostAt(at, more) });
const leave = (at: number): JobEvent => ({ type: "host-left", host: hostAt(at).host });
const held = (at: number, ...digests: Digest[]): JobEvent[] =>
  digests.map((digest) => ({ type: "content-held", host: hostAt(at).host, digest }));
const failed = (at: number, digest: Digest, isFinal = false): JobEvent => ({
  type: "content-failed",
  host: hostAt(at).host,
  digest,
  reason: "disk full",
  isFinal,
});
const resolved: JobEvent = { type: "image-resolved", job: 16, at: 0, contents };

test("a job is resolved once, every host is told everything in order, and it succeeds when all hold all", () => {
  const bench = new Bench().do(join(1), join(2), open(), resolved);
  assert.equal(bench.said.filter(({ type }) => type === "resolve-image").length, 1);
  assert.deepEqual(
    [bench.warmed(1), bench.warmed(2)],
    [[{ digests: [a, b, c], mayRead: false }], [{ digests: [a, b, c], mayRead: false }]],
  );
  bench.do(...held(1, a, b, c), ...held(2, a, b));
  assert.equal(bench.pass(1000).job.state, "running");
  assert.deepEqual(
    bench.job.hosts.map(({ state, bytesHeld }) => [state, bytesHeld]),
    [
      ["complete", 30],
      ["running", 20],
    ],
  );
  bench.do(...held(2, c));
  assert.equal(bench.job.state, "succeeded");
  assert.equal(bench.engine.openJobs, 0);
  assert.equal(bench.engine.nextDeadline(), undefined);
});

test("of several images a host is told one whole image after the other, whichever is known first; a queue in that order finishes images", () => {
  const images = ["v1", "v2"].map((tag) => ({ repository, tag }));
  const others = ["d", "e"].map((seed) => ({ ...randomBlob(seed, 10), kind: "blob" as const, mediaType: "x" }));
  const [d, e] = others.map(({ digest }) => digest);
  const second: JobEvent = { ...resolved, at: 1, contents: { ...contents, contents: others } };
  const told = (...events: JobEvent[]): Digest[] =>
    new Bench()
      .do(join(1), open({ images }), ...events)
      .warmed(1)
      .flatMap(({ digests }) => digests);
  assert.deepEqual(
    [told(resolved, second), told(second, resolved)],
    [
      [a, b, c, d, e],
      [d, e, a, b, c],
    ],
  );
});

test("a content that fails is tried again on its own, later each time, and five times at most", () => {
  const bench = new Bench().do(join(1), open(), resolved, ...held(1, a, b));
  for (let tries = 1; tries < DEFAULT_ENGINE_LIMITS.maxTries; tries += 1) {
    bench.do(failed(1, c)).pass(DEFAULT_ENGINE_LIMITS.maxRetryMs);
    assert.deepEqual(bench.warmed(1).at(-1)?.digests, [c]);
    assert.equal(bench.warmed(1).length, tries + 1);
  }
  bench.do(failed(1, c));
  assert.equal(bench.job.state, "failed");
  assert.match(bench.job.error ?? "", /no host could get it; node-1: disk full/);
  assert.match(bench.job.failures[0]?.url ?? "", /^https:\/\/r\.corp\/v2\/team\/app\/blobs\/sha256:/);
});

test("one host without room is partial with its rows, all without room is a failure; requireAll makes the first one, too", () => {
  const events = [join(1), join(2), resolved, ...held(1, a, b, c), ...held(2, a, b), failed(2, c, true)];
  const [first, second, ...rest] = events;
  assert.ok(first !== undefined && second !== undefined);
  const partial = new Bench().do(first, second, open(), ...rest).job;
  assert.deepEqual(
    [partial.state, partial.failures.map(({ hostName, description }) => [hostName, description])],
    ["partial", [["node-2", "disk full"]]],
  );
  const strict = new Bench().do(first, second, open({ requireAll: true }), ...rest).job;
  assert.equal(strict.state, "failed");
  assert.match(strict.error ?? "", /r\.corp\/team\/app:v1: 1 hosts could not get all of it; node-2: disk full/);
  const late = new Bench().do(join(1), join(2), open({ requireAll: true }), resolved, ...held(1, a, b, c)).pass(28 * MINUTE).job;
  assert.equal(late.state, "failed", "one whole copy is not enough at the deadline either");
});

test("a single seed that fails fails the job although others hold everything", () => {
  const bench = new Bench().do(join(1), join(2, { seed: true }), open({ scope: { kind: "single-seed" } }), resolved);
  bench.do(...held(1, a, b, c), failed(2, a, true), failed(2, b, true), failed(2, c, true));
  assert.equal(bench.job.state, "failed");
  assert.deepEqual(bench.warmed(1), []);
});

test("hosts that join while it runs are told too; one that leaves has a minute to come back, and is asked again for what is open", () => {
  const bench = new Bench().do(join(1), open(), resolved, join(2), ...held(1, a, b, c), ...held(2, a), leave(2));
  bench.pass(30_000).do(join(2));
  assert.deepEqual(bench.warmed(2).at(-1)?.digests, [b, c]);
  bench.do(leave(2)).pass(MINUTE);
  assert.equal(bench.job.state, "partial");
  assert.match(bench.job.failures[0]?.description ?? "", /left and did not come back/);
});

test("where no host is there the job waits a minute, and says what to do", () => {
  const bench = new Bench().do(open()).pass(MINUTE);
  assert.equal(bench.job.state, "failed");
  assert.match(bench.job.error ?? "", /no host of the asked scope/);
  assert.equal(
    new Bench()
      .do(open())
      .pass(30_000)
      .do(join(1), resolved, ...held(1, a, b, c)).job.state,
    "succeeded",
  );
});

test("the credential goes to two hosts, seeds first, and to another when one is lost", () => {
  const bench = new Bench().do(join(1), join(2), join(3, { seed: true }), join(4), open({}, true), resolved);
  const readers = (): number[] => [1, 2, 3, 4].filter((at) => bench.warmed(at).some(({ mayRead }) => mayRead));
  assert.equal(readers().length, 2);
  const [lost = 0] = readers();
  bench.do(leave(lost));
  assert.equal(readers().length, 3);
});

test("an image that cannot be had fails the job at once; of two, one, the job is partial and says which", () => {
  const refused: JobEvent = { type: "image-refused", job: 16, at: 0, reason: "r.corp/team/app:v1: 401" };
  assert.equal(new Bench().do(join(1), open(), refused).job.error, "r.corp/team/app:v1: 401");
  const images = [
    { repository, tag: "v1" },
    { repository, tag: "v2" },
  ];
  const two = new Bench().do(join(1), open({ images }), refused, { ...resolved, at: 1 }, ...held(1, a, b, c)).job;
  assert.deepEqual([two.state, two.error], ["partial", "r.corp/team/app:v1: 401"]);
});

const arm = { platform: "linux/arm64/v8" };
const mixed: ImageContents = {
  ...contents,
  contents: blobs.map((blob, at) => (at === 0 ? blob : { ...blob, platforms: [at === 1 ? "linux/amd64" : "linux/arm64"] })),
};

test("a host holds what its platform can run, a seed everything, and who is of a platform that was not asked for makes it be asked for", () => {
  const bench = new Bench().do(join(1), join(2, { seed: true }), open(), resolved, join(3, arm));
  const asks = (): (readonly string[] | undefined)[] =>
    bench.said.flatMap((effect) => (effect.type === "resolve-image" ? [effect.platforms] : []));
  assert.deepEqual(asks(), [["linux/amd64"], ["linux/amd64", "linux/arm64/v8"]]);
  const fresh = new Bench().do(join(1), join(2, { seed: true }), join(3, arm), open(), { ...resolved, contents: mixed });
  assert.deepEqual(
    [1, 2, 3].map((at) => fresh.warmed(at).map(({ digests }) => digests)),
    [[[a, b]], [[a, b, c]], [[a, c]]],
  );
  fresh.do(...held(1, a, b), ...held(2, a, b, c), ...held(3, a, c));
  assert.equal(fresh.job.state, "succeeded");
  const wished = new Bench().do(join(1), open({ platforms: ["linux/arm64"] }), { ...resolved, contents: mixed });
  assert.deepEqual(wished.warmed(1)[0]?.digests, [a, b, c], "what a job asks for by name everybody holds");
});

test("a host for whose platform the image has nothing but its index is left out, and said so", () => {
  const INDEX = "application/vnd.oci.image.index.v1+json";
  const [index, ...rest] = blobs.map((blob, at) =>
    at === 0 ? { ...blob, kind: "manifest" as const, mediaType: INDEX } : { ...blob, platforms: ["linux/amd64"] },
  );
  assert.ok(index !== undefined);
  const alone: ImageContents = { ...contents, contents: [index, ...rest] };
  const bench = new Bench().do(join(1), join(3, arm), open(), { ...resolved, contents: alone }, ...held(1, a, b));
  const states = (): string[] => bench.job.hosts.map(({ state }) => state);
  assert.deepEqual([bench.warmed(3), bench.job.state], [[], "running"]);
  bench.do(leave(3), ...held(1, c));
  assert.deepEqual([bench.job.state, states()], ["succeeded", ["complete", "not-applicable"]]);
  const none = new Bench().do(join(1), join(3, arm), open(), { ...resolved, contents: alone }, leave(1)).pass(2 * MINUTE).job;
  assert.equal(none.state, "failed");
  const both = {
    images: [
      { repository, tag: "v1" },
      { repository, tag: "v2" },
    ],
  };
  const two = new Bench().do(join(1), join(3, arm), open(both), { ...resolved, contents: alone });
  two.do({ ...resolved, at: 1, contents: { ...contents, contents: blobs } }, ...held(1, a, b, c), ...held(3, a, b, c));
  assert.deepEqual([two.job.state, two.job.hosts.map(({ state }) => state)], ["succeeded", ["complete", "complete"]]);
});

test("a job for some hosts waits for those that may still be on their way when the scheduler begins, and no longer", () => {
  const seed = new Bench().do(join(1), open({ scope: { kind: "single-seed" } })).pass(2000);
  assert.deepEqual([seed.job.state, seed.job.hosts], ["pending", []]);
  seed.do(join(2, { seed: true }));
  assert.deepEqual(
    seed.job.hosts.map(({ hostName }) => hostName),
    ["node-2"],
  );
  const seeds = new Bench().do(join(1, { seed: true }), open({ scope: { kind: "all-seeds" } })).pass(1000);
  seeds.do(join(2, { seed: true })).pass(5000);
  assert.equal(seeds.job.hosts.length, 2);
  const none = new Bench().do(join(1), open({ scope: { kind: "single-seed" } })).pass(5000);
  assert.deepEqual(
    none.job.hosts.map(({ hostName }) => hostName),
    ["node-1"],
  );
  none.do({ type: "job-opened", job: jobOf({ scope: { kind: "hosts", count: 1 } }, 32), hasCredential: false });
  assert.equal(none.job.hosts.length, 1, "a scheduler that runs has whom it has");
});

test("a job that no host was found for before a restart is given its minute again", () => {
  const bench = new Bench();
  bench.now = 10 * MINUTE;
  bench
    .do(open())
    .pass(30_000)
    .do(join(1), resolved, ...held(1, a, b, c));
  assert.equal(bench.job.state, "succeeded");
});

test("a job that lost its credential by a restart and is refused says that it did", () => {
  const job: Job = { ...jobOf(), cameWithCredential: true };
  const refused: JobEvent = { type: "image-refused", job: 16, at: 0, reason: "r.corp/team/app:v1: 401" };
  const [lost, kept] = [false, true].map(
    (hasCredential) => new Bench().do(join(1), { type: "job-opened", job, hasCredential }, refused).job,
  );
  assert.match(lost?.error ?? "", /401; the token that came with the job ended with the scheduler/);
  assert.equal(kept?.error, "r.corp/team/app:v1: 401");
});

test("two answers for one image, in whatever order, are both taken", () => {
  for (const [first, second] of [
    [contents, mixed],
    [mixed, contents],
  ] as const) {
    const bench = new Bench().do(join(1), open(), join(3, arm), { ...resolved, contents: first });
    assert.equal(bench.job.state, "running", "the other answer is awaited");
    bench.do({ ...resolved, contents: second }, ...held(1, a, b, c), ...held(3, a, b, c));
    assert.equal(bench.job.state, "succeeded");
  }
});

test("after a restart a job has the hosts it had, and does not take another seed because the right one is late", () => {
  const before = new Bench().do(join(1), join(2, { seed: true }), open({ scope: { kind: "single-seed" } }), resolved, ...held(2, a)).job;
  const bench = new Bench().do({ type: "job-opened", job: before, hasCredential: false }, join(1));
  assert.deepEqual(bench.warmed(1), []);
  bench.do(join(2, { seed: true }), resolved, ...held(2, a, b, c));
  assert.equal(bench.job.state, "succeeded");
  const [asked] = bench.said.flatMap((effect) => (effect.type === "resolve-image" ? [effect.reference.digest] : []));
  assert.equal(asked, contents.image.digest, "by the digest it had");
  const gone = new Bench().do({ type: "job-opened", job: before, hasCredential: false }).pass(28 * MINUTE).job;
  assert.deepEqual([gone.state, gone.hosts.map(({ hostName }) => hostName)], ["failed", ["node-2"]]);
});

test("at its deadline a job ends with what is missing; a cancelled one releases its hosts; a removed one is forgotten", () => {
  const late = new Bench().do(join(1), open(), resolved).pass(28 * MINUTE);
  assert.match(late.job.error ?? "", /not done within 28 minutes: 1 of 1 hosts are not complete/);
  const cancelled = new Bench().do(join(1), open(), resolved, { type: "job-cancelled", job: 16 });
  assert.equal(cancelled.job.state, "cancelled");
  assert.ok(cancelled.said.some(({ type }) => type === "release-host"));
  const removed = new Bench().do(join(1), open(), resolved, { type: "job-removed", job: 16 });
  assert.equal(removed.said.at(-1)?.type, "forget-job");
});

test("scopes: seeds, all, counts and percentages spread over zones, zones by prefix, names, labels", () => {
  const live = [hostAt(1, { seed: true }), hostAt(2), hostAt(3), hostAt(4, { labels: { gpu: "yes" }, zone: "z0/rack-1" })];
  const names = (scope: Scope): string[] => hostsOf(scope, live).map(({ name }) => name);
  assert.deepEqual(names({ kind: "single-seed" }), ["node-1"]);
  assert.equal(hostsOf({ kind: "all-seeds" }, [hostAt(2), hostAt(3)]).length, 1, "without a seed one host");
  assert.equal(names({ kind: "all-hosts" }).length, 4);
  assert.deepEqual(names({ kind: "hosts", count: 2 }), ["node-1", "node-2"]);
  assert.equal(names({ kind: "hosts", percent: 50 }).length, 2);
  assert.equal(names({ kind: "hosts", percent: 1 }).length, 1);
  assert.deepEqual(names({ kind: "hosts", zones: ["z0"] }), ["node-2", "node-4"]);
  assert.deepEqual(names({ kind: "hosts", names: ["10.0.0.3"] }), ["node-3"]);
  assert.deepEqual(names({ kind: "hosts", labels: { gpu: "yes" } }), ["node-4"]);
});

test("whatever happens, every job ends, once, by its deadline; success means that every host of it holds everything", () => {
  const at = fc.integer({ min: 1, max: 5 });
  const digest = fc.constantFrom(a, b, c);
  const event: fc.Arbitrary<JobEvent | number> = fc.oneof(
    at.map((n) => join(n, { seed: n === 1 })),
    at.map(leave),
    fc.tuple(at, digest).map(([n, one]) => held(n, one)[0] ?? leave(n)),
    fc.tuple(at, digest, fc.boolean()).map(([n, one, isFinal]) => failed(n, one, isFinal)),
    fc.constant(resolved),
    fc.integer({ min: 0, max: 40_000 }),
  );
  const scope = fc.constantFrom<Scope>({ kind: "single-seed" }, { kind: "all-seeds" }, { kind: "all-hosts" }, { kind: "hosts", count: 2 });
  fc.assert(
    fc.property(scope, fc.boolean(), fc.array(event, { maxLength: 40 }), (kind, hasCredential, steps) => {
      const bench = new Bench().do(open({ scope: kind }, hasCredential));
      for (const step of steps)
        if (typeof step === "number") bench.pass(step);
        else bench.do(step);
      bench.pass(28 * MINUTE);
      assert.equal(bench.engine.openJobs, 0);
      assert.equal(bench.said.filter(({ type }) => type === "job-over").length, 1);
      const { state, hosts, finishedAt, error } = bench.job;
      assert.ok(finishedAt !== undefined && finishedAt <= 28 * MINUTE);
      if (state === "succeeded") assert.ok(hosts.length > 0 && hosts.every((host) => host.state === "complete" && host.contents === 3));
      if (state === "failed") assert.ok((error ?? "").length > 10, "it says why");
      if (hasCredential)
        assert.ok(bench.said.filter((effect) => effect.type === "warm-host" && effect.mayRead).length <= 2 * (steps.length + 1));
    }),
    { numRuns: 500 },
  );
});
