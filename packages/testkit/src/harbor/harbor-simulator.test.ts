import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { CancelTimer, Timers } from "@darner/runtime";
import { noLeaks } from "../no-leaks.ts";
import { selfSigned } from "../self-signed.ts";
import { StoppedClock } from "../stopped-clock.ts";
import type { PreheatArtifact } from "./driver.ts";
import { HarborSimulator, type HarborInstance, type HarborPlan, type TaskOutcome } from "./harbor-simulator.ts";
import { ScriptedProvider, type ProviderAnswer, type SeenRequest } from "./scripted-provider.ts";

const ARTIFACT: PreheatArtifact = {
  url: "https://harbor.example.com/v2/library/nginx/manifests/1.27",
  imageName: "library/nginx",
  tag: "1.27",
  digest: `sha256:${"a".repeat(64)}`,
  headers: { Authorization: "Bearer pull-token" },
};
const TIMES = { created_at: "2026-08-21T05:58:10.123Z", updated_at: "2026-08-21T06:00:10Z" };
const JOB = { id: 42, state: "PENDING", ...TIMES, result: null };

/** Pauses of a task pass at once; the 30 s of a request never do. */
class EagerClock implements Timers {
  #now = 0;
  now(): number {
    return this.#now;
  }
  setTimeout(run: () => void, ms: number): CancelTimer {
    if (ms >= 30_000) return () => undefined;
    const timer = setImmediate(() => {
      this.#now += ms;
      run();
    });
    return () => {
      clearImmediate(timer);
    };
  }
}

type Script = { post?: ProviderAnswer; get?: ProviderAnswer | ((nth: number) => ProviderAnswer); health?: ProviderAnswer };
let script: Script = {};
let provider: ScriptedProvider;
before(async () => {
  provider = await ScriptedProvider.open((request) => answered(request));
});
after(() => provider[Symbol.asyncDispose]());
noLeaks();

function answered({ method, path }: SeenRequest): ProviderAnswer {
  if (["/healthy", "/health", "/_ping"].includes(path)) return script.health ?? {};
  if (method === "POST") return script.post ?? json(JOB);
  const nth = provider.requests.filter((one) => one.method === "GET" && one.path.includes("/oapi/") === path.includes("/oapi/")).length;
  return (typeof script.get === "function" ? script.get(nth) : script.get) ?? json({ ...JOB, state: "SUCCESS" });
}

function json(value: unknown, status = 200): ProviderAnswer {
  return { status, headers: { "content-type": "application/json" }, body: typeof value === "string" ? value : JSON.stringify(value) };
}

async function run(
  given: Script,
  {
    instance = {},
    artifact = ARTIFACT,
    ...plan
  }: Omit<Partial<HarborPlan>, "instance"> & { instance?: Partial<HarborInstance>; artifact?: PreheatArtifact } = {},
): Promise<TaskOutcome & { readonly requests: readonly SeenRequest[]; readonly processLog: readonly string[] }> {
  script = given;
  provider.requests.length = 0;
  using harbor = new HarborSimulator({
    timers: new EagerClock(),
    ...plan,
    instance: { vendor: "dragonfly", endpoint: provider.endpoint, ...instance },
  });
  const outcome = await harbor.run(artifact);
  return { ...outcome, requests: [...provider.requests], processLog: harbor.processLog };
}

test("health, POST and polls carry the headers of Go's client, in its order, and the captured body", async () => {
  const { requests, status } = await run({}, { instance: { authMode: "OAUTH", authInfo: { token: "t" } } });
  assert.equal(status, "Success");
  const [health, post, get] = requests;
  const common = ["Accept", "application/json", "Authorization", "Bearer t"];
  const agent = ["Host", provider.host, "User-Agent", "Go-http-client/1.1"];
  const end = ["Accept-Encoding", "gzip"];
  assert.deepEqual([health?.method, health?.path, health?.rawHeaders], ["GET", "/healthy", [...agent, ...common, ...end]]);
  assert.deepEqual(get?.rawHeaders, [...agent, ...common, ...end]);
  assert.equal(get.path, "/oapi/v1/jobs/42");
  const length = ["Content-Length", String(post?.body.length)];
  assert.deepEqual(post?.rawHeaders, [...agent, ...length, ...common, "Content-Type", "application/json", ...end]);
  assert.equal(
    post.body,
    `{"type":"preheat","args":{"type":"image","url":"https://harbor.example.com/v2/library/nginx/manifests/1.27","tag":"","filtered_query_params":"","headers":{"Authorization":"Bearer pull-token"},"scope":"","concurrent_count":0,"timeout":0},"scheduler_cluster_ids":null}`,
  );
  assert.deepEqual(new Set(requests.map(({ httpVersion }) => httpVersion)), new Set(["1.1"]));
});

test("scope and clusters go through as they are, null among the clusters becomes 0, the rest of the attributes is dropped", async () => {
  const withAttrs = (extraAttrs: Record<string, unknown>): PreheatArtifact => ({ ...ARTIFACT, extraAttrs });
  const { requests } = await run({}, { artifact: withAttrs({ scope: "all_peers", cluster_ids: [1, null], platform: "linux/arm64" }) });
  const body = JSON.parse(requests[1]?.body ?? "") as { args: Record<string, unknown>; scheduler_cluster_ids: unknown };
  assert.deepEqual([body.args["scope"], body.args["platform"], body.scheduler_cluster_ids], ["all_peers", undefined, [1, 0]]);
  for (const wrong of [{ scope: "everywhere" }, { cluster_ids: [1.5] }, { cluster_ids: [-1] }, { cluster_ids: ["1"] }]) {
    const { status, requests: sent } = await run({}, { artifact: withAttrs(wrong) });
    assert.deepEqual([status, sent.length], ["Error", 1], `${JSON.stringify(wrong)} is refused after the health check, before the POST`);
  }
});

test("a POST answered with 200, 201 or 202 and a JSON object is good", async () => {
  for (const status of [200, 201, 202]) assert.equal((await run({ post: json(JOB, status) })).status, "Success");
});

const BAD_POSTS: Readonly<Record<string, ProviderAnswer>> = {
  "208": json(JOB, 208),
  "204": { status: 204 },
  "an empty body": { status: 200 },
  "a JSON array": json([JOB]),
  HTML: { status: 200, headers: { "content-type": "text/html" }, body: "<html></html>" },
  "a string id": json({ ...JOB, id: "1" }),
  "an id of 1.0": json(`{"id":1.0}`),
  "an id of 1e3": json(`{"id":1e3}`),
  "an id beyond 64 bits": json(`{"id":9223372036854775808}`),
  "a time that is empty": json({ ...JOB, created_at: "" }),
  "a time with a blank": json({ ...JOB, created_at: "2026-08-21 05:58:10" }),
  "a time that is a number": json({ ...JOB, updated_at: 1787292000 }),
  "a time with small letters": json({ ...JOB, created_at: "2026-08-21t05:58:10z" }),
  "a time of February 30th": json({ ...JOB, created_at: "2026-02-30T05:58:10Z" }),
  "a result that is a list": json({ ...JOB, result: [] }),
  "a result that is a text": json({ ...JOB, result: "" }),
  "a 500": json({ message: "no disk" }, 500),
};
for (const [what, post] of Object.entries(BAD_POSTS)) {
  test(`a POST answered with ${what} is an Error, and nothing is asked again`, async () => {
    const { status, requests } = await run({ post });
    assert.deepEqual([status, requests.length], ["Error", 2]);
  });
}

test("what Go lets pass is good: a missing id, null times, keys in any case, unknown keys, any offset, a gzip body", async () => {
  const { taskId } = await run({ post: json({}) });
  assert.equal(taskId, "0");
  assert.equal((await run({ post: json({ ...JOB, created_at: null, updated_at: null }) })).status, "Success");
  assert.equal((await run({ post: json({ ID: 7, Created_At: "2026-08-21T05:58:10+02:00", more: {} }) })).taskId, "7");
  const body = gzipSync(JSON.stringify(JOB));
  assert.equal((await run({ post: { headers: { "content-encoding": "gzip" }, body } })).taskId, "42");
});

test("an error shows the method, the URL, the status line and the whole body", async () => {
  const { error } = await run({ post: json({ message: "unknown cluster 99" }, 422) });
  assert.equal(error, `POST "${provider.endpoint}/oapi/v1/jobs" error: 422 Unprocessable Entity {"message":"unknown cluster 99"}`);
});

test("redirects: 301 to 303 make the POST a GET, 307 and 308 keep it; a credential is not told to another host", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    await using elsewhere = await ScriptedProvider.open(() => json(JOB));
    const location = `${elsewhere.endpoint.replace("127.0.0.1", "localhost")}/moved`;
    const { requests } = await run(
      { post: { status, headers: { location } } },
      { instance: { authMode: "OAUTH", authInfo: { token: "t" } } },
    );
    assert.equal(requests[1]?.headers.authorization, "Bearer t");
    const [moved] = elsewhere.requests;
    const keeps = status >= 307;
    assert.deepEqual([moved?.method, moved?.body], [keeps ? "POST" : "GET", keeps ? requests[1].body : ""]);
    assert.equal(moved?.headers.authorization, undefined);
  }
});

test("a poll knows three states; any other is an Error at once", async () => {
  for (const state of ["STARTED", "RECEIVED", "success", ""]) {
    const { error, polls } = await run({ get: json({ ...JOB, state }) });
    assert.deepEqual([error, polls], [`unknown state: ${state}`, 1]);
  }
});

test("a pending task is polled each tick until it is over, and its log says since when and how long", async () => {
  const { polls, log, status } = await run({ get: (nth) => json({ ...JOB, state: nth < 4 ? "PENDING" : "SUCCESS" }) });
  assert.deepEqual([status, polls], ["Success", 4]);
  assert.ok(log.includes("Task [42] is running, start time=2026-08-21 05:58:10.123 +0000 UTC"));
  assert.ok(log.includes("Task [42] is success with duration: 1m59.877s"));
});

test("a task that stays pending ends after 1801 s, having been polled 180 times", async () => {
  const { error, polls } = await run({ get: json(JOB) });
  assert.deepEqual([error, polls], ["status check timeout: 30m1s", 180]);
});

test("one poll that goes wrong ends the task", async () => {
  for (const get of [json({}, 503), { status: 204 }, json(`{"id":42,`), json({ ...JOB, result: "" })]) {
    const { status, polls } = await run({ get });
    assert.deepEqual([status, polls], ["Error", 1]);
  }
});

test("SUCCESS lists every row in a table, failures too, and is a success even if all failed", async () => {
  const results = [
    {
      scheduler_cluster_id: 1,
      success_tasks: [{ url: "https://h/blobs/1", hostname: "node-1", ip: "10.0.0.1" }],
      failure_tasks: [{ url: "https://h/blobs/2", hostname: "node-2", ip: "10.0.0.2", description: "disk full" }],
    },
  ];
  const { status, rows, log } = await run({ get: json({ ...JOB, state: "SUCCESS", result: { job_states: [{ error: "", results }] } }) });
  assert.equal(status, "Success");
  assert.deepEqual(
    rows.map(({ hostname, state, error }) => [hostname, state, error]),
    [
      ["node-1", "SUCCESS", ""],
      ["node-2", "FAILURE", "disk full"],
    ],
  );
  assert.ok(log.includes("| https://h/blobs/2 | node-2   | 10.0.0.2 | 1          | FAILURE | disk full     |"));
});

test("lists may be null or absent, but null for a row crashes and a cluster of -1 fails", async () => {
  const done = (results: unknown): ProviderAnswer => json({ ...JOB, state: "SUCCESS", result: { job_states: [{ results }] } });
  for (const results of [null, [], [{ success_tasks: null }], [null]]) assert.equal((await run({ get: done(results) })).status, "Success");
  assert.match((await run({ get: done([{ success_tasks: [null] }]) })).error ?? "", /nil pointer/);
  assert.match((await run({ get: done([{ scheduler_cluster_id: -1 }]) })).error ?? "", /of type uint/);
});

test("FAILURE shows one message for each job state, and no rows", async () => {
  const states = [{ error: "no such tag" }, {}];
  const { error, rows } = await run({ get: json({ ...JOB, state: "FAILURE", result: { job_states: states } }) });
  assert.equal(error, `preheat failed: {"errors":[{"code":"UNKNOWN","message":"no such tag"},{"code":"UNKNOWN","message":""}]}`);
  assert.deepEqual(rows, []);
  assert.equal((await run({ get: json({ ...JOB, state: "FAILURE" }) })).error, "preheat failed: ");
});

test("a missing updated_at shows an absurd duration", async () => {
  const { log } = await run({ get: json({ id: 42, state: "SUCCESS", created_at: TIMES.created_at }) });
  assert.ok(
    log.some((line) => line.endsWith("-2562047h47m16.854775808s")),
    log.join("\n"),
  );
});

test("an endpoint may have a prefix and one slash at its end; two, a query, a missing scheme break it as in Harbor", async () => {
  const paths = async (endpoint: string): Promise<readonly string[]> => {
    const { requests } = await run({}, { instance: { endpoint } });
    return requests.map(({ method, path }) => `${method} ${path}`);
  };
  assert.deepEqual((await paths(`${provider.endpoint}/`)).slice(0, 2), ["GET /healthy", "POST /oapi/v1/jobs"]);
  assert.deepEqual((await paths(`${provider.endpoint}/darner`)).slice(0, 2), ["GET /darner/healthy", "POST /darner/oapi/v1/jobs"]);
  assert.equal((await paths(`${provider.endpoint}//`))[1], "POST //oapi/v1/jobs");
  assert.deepEqual(await paths(provider.host), ["GET /healthy"]);
  assert.equal((await paths(`${provider.endpoint}?x=1`))[1], "POST /?x=1/oapi/v1/jobs");
  const { requests } = await run({}, { instance: { endpoint: provider.endpoint.replace("//", "//user:pass@") } });
  assert.deepEqual(
    requests.slice(0, 2).map(({ headers }) => headers.authorization),
    [undefined, `Basic ${btoa("user:pass")}`],
  );
});

test("BASIC sends either entry of the map, as the dice fall; CUSTOM the header that the map names", async () => {
  const seen = new Set<string | undefined>();
  for (let seed = 0; seed < 12; seed += 1) {
    const { requests } = await run({}, { seed, instance: { authMode: "BASIC", authInfo: { username: "alice", password: "s3cret" } } });
    for (const { headers } of requests) seen.add(headers.authorization);
  }
  assert.deepEqual(seen, new Set([`Basic ${btoa("username:alice")}`, `Basic ${btoa("password:s3cret")}`]));
  const { requests } = await run({}, { instance: { authMode: "CUSTOM", authInfo: { "X-Api-Key": "k" } } });
  assert.deepEqual(new Set(requests.map(({ headers }) => headers["x-api-key"])), new Set(["k"]));
});

test("an instance without its credential, or of an unknown mode, sends nothing", async () => {
  const wrong: [Partial<HarborInstance>, string][] = [
    [{ authMode: "OAUTH" }, "missing auth info for 'OAUTH' auth mode"],
    [{ authMode: "OAUTH", authInfo: { key: "t" } }, "missing OAuth token"],
    [{ authMode: "DIGEST", authInfo: { a: "b" } }, "no auth handler registered for mode: DIGEST"],
  ];
  for (const [instance, text] of wrong) {
    const { error, requests } = await run({}, { instance });
    assert.deepEqual([error, requests.length], [text, 0]);
  }
});

test("a POST that fails puts the credential into the process log, in clear", async () => {
  const { processLog } = await run({ post: json({}, 401) }, { instance: { authMode: "OAUTH", authInfo: { token: "darner-token" } } });
  assert.match(processLog.join("\n"), /^Post http.* with cred=&\{OAUTH map\[token:darner-token\]\}/);
});

test("a provider that says nothing is given up after 30 s", async () => {
  script = { health: "hang" };
  provider.requests.length = 0;
  const clock = new StoppedClock();
  using harbor = new HarborSimulator({ timers: clock, instance: { vendor: "dragonfly", endpoint: provider.endpoint } });
  const outcome = harbor.run(ARTIFACT);
  clock.advance(29_999);
  assert.equal(clock.waiting, 1);
  clock.advance(1);
  assert.match((await outcome).error ?? "", /Client\.Timeout exceeded/);
});

test("requests of one Harbor share a connection", async () => {
  const { requests } = await run({ get: (nth) => json({ ...JOB, state: nth < 5 ? "PENDING" : "SUCCESS" }) });
  assert.equal(requests.length, 7);
  assert.equal(new Set(requests.map(({ connection }) => connection)).size, 1);
});

test("a stop is noticed at the next tick and told to nobody", async () => {
  script = { get: json(JOB) };
  provider.requests.length = 0;
  using harbor = new HarborSimulator({ timers: new EagerClock(), instance: { vendor: "dragonfly", endpoint: provider.endpoint } });
  const { status, polls } = await harbor.run(ARTIFACT, AbortSignal.abort());
  assert.deepEqual([status, polls, provider.requests.length], ["Stopped", 0, 2]);
});

test("TLS: a certificate is checked against what Harbor's machine trusts, unless the instance is insecure", async () => {
  const tls = selfSigned();
  await using secure = await ScriptedProvider.open((request) => answered(request), tls);
  const ping = async (plan: { ca?: string; insecure?: boolean }): Promise<void> => {
    const { ca, insecure = false } = plan;
    using harbor = new HarborSimulator({
      instance: { vendor: "kraken", endpoint: secure.endpoint, insecure },
      ...(ca === undefined ? {} : { ca }),
    });
    await harbor.ping();
  };
  script = {};
  await assert.rejects(ping({}), /self-signed certificate/);
  await ping({ ca: tls.cert });
  await ping({ insecure: true });
});

test("kraken: one event as captured, any 2xx but 208 is the final success, nothing is polled", async () => {
  const { status, requests } = await run(
    { post: { status: 200 } },
    { instance: { vendor: "kraken" }, wallClock: () => Date.parse("2026-11-21T04:24:19.691Z") },
  );
  assert.equal(status, "Success");
  assert.deepEqual(
    requests.map(({ method, path }) => `${method} ${path}`),
    ["GET /health", "POST /registry/notifications"],
  );
  const { digest } = ARTIFACT;
  assert.match(
    requests[1]?.body ?? "",
    new RegExp(
      `^\\{"Events":\\[\\{"Id":"[A-Za-z0-9]{32}","TimeStamp":"2026-11-21T04:24:19\\.691[0-9]*Z","Action":"push","Target":\\{"MediaType":"application/vnd\\.docker\\.distribution\\.manifest\\.v2\\+json","Digest":"${digest}","Repository":"library/nginx","Url":"${ARTIFACT.url}","Tag":"1.27"\\},"Request":null,"Actor":null\\}\\]\\}$`,
    ),
  );
  assert.equal((await run({ post: { status: 208 } }, { instance: { vendor: "kraken" } })).status, "Error");
});
