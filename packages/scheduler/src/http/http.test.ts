import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { JobError } from "@darner/preheat";
import { createCounter, createRegistry, silentLog, type Config } from "@darner/runtime";
import { noLeaks, openTempDir } from "@darner/testkit";
import { ScriptedJobs } from "../../test/scripted-jobs.ts";
import { createPreheatMetrics } from "../preheat/preheat-metrics.ts";
import { HostBook } from "../members/host-book.ts";
import { allRoutes } from "./all-routes.ts";
import { openApiTokens } from "./api-tokens.ts";
import { openHttp } from "./open-http.ts";
import type { ApiRoute } from "./route.ts";

noLeaks();

const HARBOR = {
  type: "preheat",
  args: {
    type: "image",
    url: "https://harbor.example.com/v2/library/nginx/manifests/1.27",
    tag: "",
    filtered_query_params: "",
    headers: { Authorization: "Bearer pull-token" },
    scope: "all_peers",
    concurrent_count: 0,
    timeout: 0,
  },
  scheduler_cluster_ids: null,
};

type Bench = AsyncDisposable & {
  readonly jobs: ScriptedJobs;
  readonly routes: readonly ApiRoute[];
  readonly port: number;
  ask(method: string, path: string, options?: { body?: unknown; token?: string | null; type?: string }): Promise<Response>;
};

async function openBench(api: Partial<Config["api"]> = {}): Promise<Bench> {
  const dir = await openTempDir();
  const tokens = join(dir.path, "tokens");
  await writeFile(tokens, "right\nother\n");
  const registry = createRegistry();
  const config = {
    api: { prefix: "", notificationScope: "all_peers", ...api },
    registries: {},
    listen: { http: "127.0.0.1:0" },
  } as unknown as Config;
  const jobs = new ScriptedJobs();
  const members = { book: new HostBook(10), remove: () => Promise.resolve("removed" as const) };
  const metrics = createPreheatMetrics(registry, () => ({ pending: 0, running: 0, succeeded: 0, partial: 0, failed: 0, cancelled: 0 }));
  const routes = allRoutes(config, { registry, ready: () => ({ ready: true }), jobs, members, core: { swarms: () => [] }, metrics });
  const requests = createCounter(registry, "test_requests_total", "x", ["face", "status"]);
  const http = await openHttp(config, {
    routes,
    tokens: await openApiTokens(dir.path, { tokenFile: tokens }, silentLog),
    log: silentLog,
    requests,
  });
  return {
    jobs,
    routes,
    port: Number(http.address.split(":").at(-1)),
    ask: (method, path, { body, token = "right", type = "application/json" } = {}) =>
      fetch(`http://${http.address}${path}`, {
        method,
        headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...(body !== undefined && { "content-type": type }) },
        redirect: "manual",
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    [Symbol.asyncDispose]: async () => {
      await http[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

test("every route but the probes wants a token, the health routes refuse a wrong one, and no answer is a redirect, 204, 208 or HTML", async () => {
  await using bench = await openBench();
  for (const { method, path, access } of bench.routes) {
    const url = path.replaceAll(/:\w+/g, "16");
    const wrong = await bench.ask(method, url, { token: "wrong" });
    const none = await bench.ask(method, url, { token: null });
    assert.equal(wrong.status, access === "open" ? 200 : 401, `${method} ${url}`);
    assert.equal(none.status, access === "token" ? 401 : 200, `${method} ${url}`);
    const right = await bench.ask(method, url, { token: "other" });
    assert.ok(
      ![204, 208, 401].includes(right.status) && !(right.status >= 300 && right.status < 400),
      `${method} ${url} ${String(right.status)}`,
    );
    assert.doesNotMatch(right.headers.get("content-type") ?? "", /html/);
    await Promise.all([wrong, none, right].map((answer) => answer.text()));
  }
  assert.equal((await bench.ask("GET", "/nothing", { token: null })).status, 401, "nor whether there is a route");
  assert.equal((await bench.ask("GET", "/nothing")).status, 404);
});

test("Harbor's flow: a job is made, asked for, over; its token is in no answer; an unknown one is 404, a name 400", async () => {
  await using bench = await openBench();
  const posted = await bench.ask("POST", "/oapi/v1/jobs", { body: HARBOR });
  const record = (await posted.json()) as { id: number; result: unknown };
  assert.deepEqual([posted.status, Number.isInteger(record.id), record.result], [200, true, null]);
  assert.deepEqual(bench.jobs.credentials, ["Bearer pull-token"]);
  bench.jobs.change(record.id, { state: "succeeded", finishedAt: 2000, updatedAt: 2000 });
  const text = await (await bench.ask("GET", `/oapi/v1/jobs/${String(record.id)}`)).text();
  assert.match(text, /"state":"SUCCESS"/);
  assert.ok(!text.includes("pull-token"));
  assert.equal((await bench.ask("GET", "/oapi/v1/jobs/999")).status, 404);
  assert.equal((await bench.ask("GET", "/oapi/v1/jobs/abc")).status, 400);
  const page = await bench.ask("GET", "/oapi/v1/jobs?state=SUCCESS&page=1&per_page=1");
  assert.match(page.headers.get("link") ?? "", /rel="last"/);
  assert.equal(((await page.json()) as unknown[]).length, 1);
  assert.equal((await bench.ask("DELETE", `/oapi/v1/jobs/${String(record.id)}`)).status, 200);
  assert.equal(bench.jobs.jobs.size, 0);
});

test("bad bodies: broken JSON, none, too large, plain http: a sentence each, and the process answers on", async () => {
  await using bench = await openBench();
  const answers = await Promise.all([
    bench.ask("POST", "/oapi/v1/jobs", { body: "{ broken" }),
    bench.ask("POST", "/oapi/v1/jobs", { body: "" }),
    bench.ask("POST", "/oapi/v1/jobs", { body: `"${"x".repeat(2 * 1024 * 1024)}"` }),
    bench.ask("POST", "/oapi/v1/jobs", { body: { ...HARBOR, args: { ...HARBOR.args, url: "http://harbor.local/v2/a/b/manifests/c" } } }),
    bench.ask("POST", "/oapi/v1/jobs", { body: "[".repeat(200_000) }),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [400, 400, 413, 422, 400],
  );
  for (const answer of answers) assert.ok(((await answer.json()) as { message: string }).message.length > 10);
});

test("health says whether a preheat could be done; the other faces answer in their own words", async () => {
  await using bench = await openBench({ prefix: "/darner" });
  for (const path of ["/darner/healthy", "/darner/health", "/darner/_ping", "/livez", "/readyz", "/metrics"])
    assert.equal((await bench.ask("GET", path, { token: null })).status, 200, path);
  bench.jobs.ready = { ready: false, why: "no daemon" };
  assert.equal((await bench.ask("GET", "/darner/healthy", { token: null })).status, 503);
  const legacy = await bench.ask("POST", "/darner/preheats", { body: { type: "image", url: HARBOR.args.url, headers: {} } });
  const { id } = (await legacy.json()) as { id: string };
  assert.match(await (await bench.ask("GET", `/darner/preheats/${id}`)).text(), /"status":"WAITING"/);
  const type = "application/vnd.docker.distribution.events.v1+json";
  const event = { action: "push", target: { mediaType: "application/vnd.oci.image.manifest.v1+json", url: HARBOR.args.url, tag: "1.27" } };
  const notified = await bench.ask("POST", "/darner/registry/notifications", { body: { events: [event, event] }, type });
  assert.deepEqual([notified.status, await notified.json()], [200, { jobs: [32] }]);
  bench.jobs.failure = new JobError({ code: "registry", status: 404 }, "harbor.example.com/library/nginx: not there (404)");
  assert.equal((await bench.ask("POST", "/darner/registry/notifications", { body: { events: [event] }, type })).status, 404);
});

test("the native API: several images, scopes, every problem at once, events until the end, who holds what, its own description", async () => {
  await using bench = await openBench();
  const body = {
    images: ["nginx:1.27", "harbor.corp/team/app@sha256:" + "a".repeat(64)],
    scope: { kind: "hosts", percent: 50, zones: ["eu-1"] },
    priority: 5,
    pinSeconds: 60,
    credential: { token: "t" },
  };
  assert.match(await (await bench.ask("POST", "/api/v1/jobs", { body })).text(), /one credential is for one registry/);
  const { credential: _credential, ...plain } = body;
  const made = await bench.ask("POST", "/api/v1/jobs", { body: plain });
  assert.equal(made.status, 201);
  assert.deepEqual(((await made.json()) as { images: string[] }).images[0], "docker.io/library/nginx:1.27");
  const bad = await bench.ask("POST", "/api/v1/jobs", {
    body: { images: ["A B"], scope: { kind: "all-hosts", count: 1 }, priority: 101, colour: "red" },
  });
  assert.equal(bad.status, 422);
  const sentence = ((await bad.json()) as { error: string }).error;
  for (const what of ["images.0", "scope", "priority", "colour"]) assert.ok(sentence.includes(what), what);
  const events = await bench.ask("GET", "/api/v1/jobs/16/events");
  const reader = (events.body ?? assert.fail()).pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await reader.read()).value ?? "", /^data: \{"id":16,"state":"pending"/);
  assert.equal((await bench.ask("POST", "/api/v1/jobs/16/cancel")).status, 200);
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
  assert.match(rest, /"state":"cancelled"/);
  assert.equal((await bench.ask("POST", "/api/v1/jobs/16/cancel")).status, 409);
  assert.match(
    await (await bench.ask("GET", `/api/v1/images/${encodeURIComponent("quay.io/a/b:v1")}/distribution`)).text(),
    /"image":"quay.io\/a\/b:v1"/,
  );
  const document = (await (await bench.ask("GET", "/api/v1/openapi.json")).json()) as { openapi: string; paths: object };
  assert.equal(document.openapi, "3.1.0");
  const described = bench.routes.filter(({ about }) => about !== undefined).map(({ path }) => path.replaceAll(/:(\w+)/g, "{$1}"));
  assert.deepEqual(Object.keys(document.paths).sort(), [...new Set(described)].sort());
});

test("a connection is kept for longer than Harbor keeps it", async () => {
  await using bench = await openBench();
  const answer = await bench.ask("GET", "/livez");
  assert.match(answer.headers.get("keep-alive") ?? "timeout=65", /timeout=6[5-9]/);
  await answer.text();
});

test("a body that trickles does not hold the process, and one that ends early harms nobody", async () => {
  await using bench = await openBench();
  const socket = connect(bench.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write("POST /oapi/v1/jobs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer right\r\ncontent-length: 100\r\n\r\n{");
  assert.equal((await bench.ask("GET", "/livez")).status, 200);
  socket.destroy();
  assert.equal((await bench.ask("GET", "/livez")).status, 200);
});

// A good body of each face, to be spoilt somewhere.
const GOOD: Readonly<Record<string, object>> = {
  "/oapi/v1/jobs": HARBOR,
  "/preheats": {
    type: "image",
    url: HARBOR.args.url,
    headers: HARBOR.args.headers,
    image: "library/nginx",
    tag: "1.27",
    digest: "sha256:0",
  },
  "/registry/notifications": {
    Events: [
      {
        Id: "x",
        Action: "push",
        Target: { MediaType: "manifest", Digest: "sha256:0", Repository: "a/b", Url: HARBOR.args.url, Tag: "v1" },
      },
    ],
  },
  "/api/v1/jobs": {
    images: ["nginx:1.27"],
    scope: { kind: "hosts", percent: 50, zones: ["eu-1"], names: ["a"], labels: { a: "b" } },
    platforms: ["linux/arm64"],
    priority: 1,
    deadlineSeconds: 60,
    pinSeconds: 1,
    requireAll: false,
    credential: { token: "t" },
  },
};

/** Puts something else in the place of the `at`-th value of a body, counted from outside in. */
function spoilt(body: unknown, at: number, value: unknown): unknown {
  const left = { count: at };
  const walk = (part: unknown): unknown => {
    left.count -= 1;
    if (left.count === -1) return value;
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, one]) => [key, walk(one)]));
  };
  return walk(body);
}

test("a good body of any face with anything in the place of any of its values is a 2xx or a 4xx with a sentence", async () => {
  await using bench = await openBench();
  const odd = fc.constantFrom<unknown>(
    null,
    "",
    "\u0000",
    -1,
    1e308,
    0.5,
    [],
    {},
    [null],
    true,
    "x".repeat(5000),
    "__proto__",
    "sha256:x",
    "http://[::1]/v2/a/manifests/b",
  );
  const value = fc.oneof(odd, fc.jsonValue(), fc.string({ unit: "binary" }));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(GOOD)), fc.nat(24), value, async (path, at, wrong) => {
      const answer = await bench.ask("POST", path, { body: JSON.stringify(spoilt(GOOD[path], at, wrong)) });
      assert.ok(answer.status < 500, `${path} ${String(at)} ${JSON.stringify(wrong)} ${String(answer.status)}`);
      if (answer.status >= 400) assert.ok(((await answer.json()) as { message: string }).message.length > 5);
      else await answer.text();
    }),
    { numRuns: 400 },
  );
});

test("any body on any face is a 2xx or a 4xx with a sentence", async () => {
  await using bench = await openBench();
  const paths = ["/oapi/v1/jobs", "/registry/notifications", "/preheats", "/api/v1/jobs"];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.oneof(fc.json(), fc.string()), async (path, body) => {
      const answer = await bench.ask("POST", path, { body });
      assert.ok(answer.status < 500, `${path} ${body} ${String(answer.status)}`);
      if (answer.status >= 400) assert.ok(((await answer.json()) as { message: string }).message.length > 5);
      else await answer.text();
    }),
    { numRuns: 200 },
  );
});
