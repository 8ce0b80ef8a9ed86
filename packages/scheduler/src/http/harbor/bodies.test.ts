import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hostIdOf } from "@darner/domain";
import { newJob, type Job } from "@darner/preheat";
import { randomBlob } from "@darner/testkit";
import { readDragonflyJob, type AskedJob } from "./dragonfly-request.ts";
import { dragonflyRecord } from "./dragonfly-record.ts";
import { legacyRecord, readLegacyPreheat } from "./legacy.ts";
import { readManifestUrl } from "./manifest-url.ts";
import { readNotification } from "./notification.ts";
import type { Read } from "./problem.ts";

// As Harbor 2.13 to 2.16 sends it (contracts/harbor-preheat.md 1.5).
const ARGS = {
  type: "image",
  url: "https://harbor.example.com/v2/library/nginx/manifests/1.27",
  tag: "",
  filtered_query_params: "",
  headers: { Authorization: "Bearer pull-token" },
  scope: "all_peers",
  concurrent_count: 0,
  timeout: 0,
};

function asked(args: object, more: object = {}): Read<AskedJob> {
  return readDragonflyJob({ type: "preheat", args: { ...ARGS, ...args }, scheduler_cluster_ids: null, ...more });
}

function requestOf(read: Read<AskedJob>): AskedJob["request"] {
  assert.ok(read.ok, read.ok ? "" : read.message);
  return read.value.request;
}

function problem(read: Read<unknown>): string {
  assert.ok(!read.ok);
  return `${String(read.status)} ${read.message}`;
}

test("Harbor's body is taken as it comes, and the token only as a secret", () => {
  const read = asked({});
  assert.ok(read.ok);
  const { request, credential } = read.value;
  assert.deepEqual(request.images, [
    { repository: { registry: "harbor.example.com", name: "library/nginx" }, scheme: "https", tag: "1.27" },
  ]);
  assert.deepEqual([request.scope, request.clusters, request.deadlineMs], [{ kind: "all-hosts" }, undefined, 28 * 60_000]);
  assert.equal(credential?.authorization.reveal(), "Bearer pull-token");
  assert.ok(!JSON.stringify(read).includes("pull-token"));
});

test("scopes, clusters and types in every form that Harbor's versions send", () => {
  for (const [scope, kind] of [
    ["", "single-seed"],
    ["single_peer", "single-seed"],
    ["single_seed_peer", "single-seed"],
    ["all_seed_peers", "all-seeds"],
    ["all_peers", "all-hosts"],
  ] as const)
    assert.equal(requestOf(asked({ scope })).scope.kind, kind, scope);
  assert.match(problem(asked({ scope: "nonsense" })), /^422 unknown scope "nonsense"/);
  for (const ids of [null, undefined, []]) assert.equal(requestOf(asked({}, { scheduler_cluster_ids: ids })).clusters, undefined);
  assert.deepEqual(requestOf(asked({}, { scheduler_cluster_ids: [1] })).clusters, [1]);
  for (const id of [99, 0, "1", null])
    assert.match(problem(asked({}, { scheduler_cluster_ids: [id] })), new RegExp(`422 there is no cluster ${JSON.stringify(id)}`));
  assert.ok(asked({ type: "cnai" }).ok && asked({ unknown: { key: 1 } }).ok);
  assert.match(problem(asked({ type: "file" })), /args\.type/);
  assert.match(problem(readDragonflyJob({ type: "get_task" })), /get_task are not served/);
});

test("what Dragonfly's own clients say besides: platform, addresses, count, percentage, timeout, user and password", () => {
  assert.deepEqual(requestOf(asked({ platform: "linux/aarch64" })).platforms, ["linux/arm64"]);
  assert.deepEqual(requestOf(asked({ ips: ["10.0.0.1"], count: 3 })).scope, { kind: "hosts", names: ["10.0.0.1"] });
  assert.deepEqual(requestOf(asked({ count: 3, percentage: 50 })).scope, { kind: "hosts", count: 3 });
  assert.deepEqual(requestOf(asked({ percentage: 50 })).scope, { kind: "hosts", percent: 50 });
  assert.equal(requestOf(asked({ timeout: 60e9 })).deadlineMs, 60_000);
  const basic = asked({ headers: {}, username: "ada", password: "secret" });
  assert.ok(basic.ok && basic.value.credential?.authorization.reveal() === "Basic YWRhOnNlY3JldA==");
  for (const bad of [
    { platform: "arm" },
    { ips: [1] },
    { count: 201 },
    { percentage: 0.5 },
    { timeout: -1 },
    { headers: [] },
    { headers: {}, username: 1 },
  ])
    assert.match(problem(asked(bad)), /^422 args\./);
});

test("manifest URLs: ports, http, deep repositories, digests; and what is none, each with what is wrong", () => {
  const digest = randomBlob("x", 1).digest;
  const read = (url: string): unknown => {
    const image = readManifestUrl(url);
    return image.ok ? image.value : image.message;
  };
  assert.deepEqual(read("http://harbor.local:8080/v2/a/b/c/d/manifests/v1_.-x"), {
    repository: { registry: "harbor.local:8080", name: "a/b/c/d" },
    scheme: "http",
    tag: "v1_.-x",
  });
  assert.deepEqual(read(`https://index.docker.io/v2/manifests/manifests/${digest}`), {
    repository: { registry: "docker.io", name: "manifests" },
    scheme: "https",
    digest,
  });
  for (const [url, what] of [
    ["harbor/v2/a/manifests/b", /has to be <scheme>/],
    ["https://u:p@harbor/v2/a/manifests/b", /user name/],
    ["https://har bor/v2/a/manifests/b", /no registry host/],
    ["https://harbor/v2/A/manifests/b", /no repository name/],
    ["https://harbor/v2/a/manifests/sha256:12", /neither a tag nor a digest/],
    ["https://harbor/v2/a/manifests/b?x=1", /has to be/],
    [`https://harbor/v2/${"a".repeat(2000)}/manifests/b`, /longer than/],
  ] as const)
    assert.match(String(read(url)), what);
});

test("a notification in Harbor's capitals and a genuine one give the same image; pulls and blobs give none", () => {
  const digest = randomBlob("n", 1).digest;
  const url = "https://harbor.example.com/v2/library/nginx/manifests/1.27";
  const type = "application/vnd.docker.distribution.manifest.v2+json";
  const kraken = {
    Events: [
      {
        Id: "x",
        Action: "push",
        Target: { MediaType: type, Digest: digest, Repository: "library/nginx", Url: url, Tag: "1.27" },
        Request: null,
        Actor: null,
      },
    ],
  };
  const genuine = { events: [{ action: "push", target: { mediaType: type, digest, repository: "library/nginx", url, tag: "1.27" } }] };
  const [first, second] = [readNotification(kraken), readNotification(genuine)];
  assert.deepEqual(first, second);
  assert.ok(first.ok);
  assert.deepEqual(first.value, [
    { repository: { registry: "harbor.example.com", name: "library/nginx" }, scheme: "https", tag: "1.27", digest },
  ]);
  const others = {
    events: [
      { action: "pull", target: { mediaType: type, url } },
      { action: "push", target: { mediaType: "application/octet-stream" } },
    ],
  };
  assert.deepEqual(readNotification(others), { ok: true, value: [] });
  const bare = { events: [{ action: "push", request: { host: "r.corp:5000" }, target: { mediaType: type, digest, repository: "a/b" } }] };
  const read = readNotification(bare);
  assert.ok(read.ok && read.value[0]?.repository.registry === "r.corp:5000");
  for (const tag of ["../../../v2/other/manifests/v1", "a b", "http://127.0.0.1/", "x".repeat(129)]) {
    const odd = readNotification({ events: [{ action: "push", target: { mediaType: type, url, tag } }] });
    assert.match(problem(odd), /^400 target\.tag names .*, which is no tag$/);
  }
});

function jobOf(more: Partial<Job>): Job {
  const request = requestOf(asked({}));
  return { ...newJob(16, request, 0), state: "running", updatedAt: 1000, ...more };
}

test("a record is what Go parses: a whole id, RFC 3339 times, the three words, rows without null, failures first", () => {
  const progress = {
    host: hostIdOf("h"),
    hostName: "node-1",
    ip: "10.0.0.1",
    zone: "",
    cluster: 1,
    contents: 1,
    contentsHeld: 1,
    bytes: 1,
    bytesHeld: 1,
  };
  const failure = { host: hostIdOf("g"), hostName: "node-2", ip: "10.0.0.2", cluster: 1, url: "u2", description: "disk full" };
  const pending = dragonflyRecord(jobOf({})) as { state: string; result: unknown; created_at: string };
  assert.deepEqual([pending.state, pending.result, pending.created_at], ["PENDING", null, "1970-01-01T00:00:00.000Z"]);
  const done = dragonflyRecord(
    jobOf({ state: "partial", contentUrls: ["u1"], hosts: [{ ...progress, state: "complete" }], failures: [failure] }),
  );
  assert.match(
    JSON.stringify(done),
    /"state":"SUCCESS".*"failure_tasks":\[\{"url":"u2","hostname":"node-2","ip":"10.0.0.2","description":"disk full"\}\],"success_tasks":\[\{"url":"u1"/,
  );
  const failed = dragonflyRecord(jobOf({ state: "failed", error: "harbor/x: 401" }));
  assert.match(JSON.stringify(failed), /"job_states":\[\{.*"results":\[\],"error":"harbor\/x: 401"/);
  assert.ok(!JSON.stringify(done).includes("pull-token"));
  assert.match(JSON.stringify(legacyRecord(jobOf({ state: "failed", error: "why" }))), /"status":"FAIL".*"errorMsg":"why"/);
});

test("a thousand hosts with twenty layers and two hundred failures stay below 1 MiB, failures kept", () => {
  const name = "a-node-with-a-rather-long-name.of-a.cluster.internal";
  const hosts = Array.from({ length: 1000 }, (_, at) => ({
    host: hostIdOf(String(at)),
    hostName: `${name}-${String(at)}`,
    ip: "10.0.0.1",
    zone: "",
    cluster: 1,
    state: "complete" as const,
    contents: 20,
    contentsHeld: 20,
    bytes: 1,
    bytesHeld: 1,
  }));
  const contentUrls = Array.from(
    { length: 20 },
    (_, at) => `https://harbor.example.com/v2/library/nginx/blobs/${randomBlob(at, 1).digest}`,
  );
  const failures = Array.from({ length: 200 }, (_, at) => ({
    host: hostIdOf("f"),
    hostName: `${name}-f${String(at)}`,
    ip: "10.0.0.2",
    cluster: 1,
    url: contentUrls[0] ?? "",
    description: "disk full",
  }));
  const text = JSON.stringify(dragonflyRecord(jobOf({ state: "partial", hosts, contentUrls, failures })));
  assert.ok(text.length < 1024 * 1024, String(text.length));
  assert.equal(text.split("disk full").length - 1, 200);
});

test("any JSON is a job or a sentence, on every face", () => {
  const key = fc.constantFrom(
    "type",
    "args",
    "url",
    "scope",
    "headers",
    "Authorization",
    "events",
    "Target",
    "action",
    "scheduler_cluster_ids",
    "ips",
    "timeout",
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom("preheat", "image", "push", ARGS.url, "all_peers"),
      fc.jsonValue(),
      fc.dictionary(key, tie("any")),
      fc.array(tie("any")),
    ),
  })).any;
  fc.assert(
    fc.property(value, (body) => {
      for (const read of [
        readDragonflyJob(body),
        readNotification(body),
        readLegacyPreheat(body),
        asked(typeof body === "object" && body !== null ? body : {}),
      ])
        assert.ok(read.ok || (read.status >= 400 && read.status < 500 && read.message.length > 10));
    }),
    { numRuns: 1000 },
  );
});
