import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { buildImage, type BuiltImage, type PreheatArtifact } from "@darner/testkit";
import { API_TOKEN, HarborCluster, type RawAnswer } from "./harness/harbor-cluster.ts";
import { artifact, HERE, index, pushArtifacts } from "./harness/harbor-images.ts";
import { until } from "./harness/shell.ts";

// Checks of contracts/harbor-preheat.md 5.2, by their numbers; the others are in harbor-faces, harbor-trouble and harbor-scale.
let cluster: HarborCluster;
before(async () => {
  cluster = await HarborCluster.open({ seeds: 2, others: 2, registry: { publicProjects: ["open"] } });
});
after(() => cluster[Symbol.asyncDispose]());

function image(seed: string, layers = 3): BuiltImage {
  return buildImage({ layers: Array.from({ length: layers }, (_, at) => ({ bytes: 300_000 + at, seed: `${seed} ${String(at)}` })) });
}

function withScope(given: PreheatArtifact, scope: string): PreheatArtifact {
  return { ...given, extraAttrs: { scope } };
}

const idOf = ({ text }: RawAnswer): number => (JSON.parse(text) as { id: number }).id;

test("harbor 1: the health routes of all three faces answer within a second", async () => {
  for (const path of ["/healthy", "/health", "/_ping"]) {
    const { status, ms } = await cluster.ask(path, { headers: {} });
    assert.equal(status, 200, path);
    assert.ok(ms < 1000, `${path}: ${ms.toFixed(0)} ms`);
  }
  await cluster.simulator().ping();
  await cluster.simulator({ instance: { vendor: "kraken" } }).ping();
  await cluster.simulator({ version: "2.11" }).ping();
});

test("harbor 2, 4, 7, 8: a task of Harbor ends in Success with a row for each blob and node, whatever the token of the instance opens", async () => {
  const built = image("two");
  const given = withScope(cluster.harbor.push("team/two", built, "v1"), "all_peers");
  const { status, error, rows, log, taskId } = await cluster.simulator().run(given);
  assert.deepEqual([status, error], ["Success", undefined]);
  for (const { name } of cluster.nodes)
    for (const { digest } of [built.config, ...built.layers])
      assert.ok(
        rows.some(({ hostname, url, state }) => hostname === name && url.endsWith(digest) && state === "SUCCESS"),
        `${name} ${digest}`,
      );
  assert.ok(
    log.some((line) => /is success with duration: (?!-)[0-9.]+(?:ms|s|m)/.test(line)),
    log.join("\n"),
  );
  const job = await cluster.job(Number(taskId));
  assert.ok(Date.parse(job.created_at) <= Date.parse(job.updated_at));
  for (const node of cluster.nodes) assert.ok(cluster.holdsAll(node, built), node.name);
});

test("harbor 2: a wrong token is refused on every route, health included, with a message in JSON; so is none, except for health", async () => {
  const headers = { authorization: "Bearer wrong" };
  const asked = [
    await cluster.ask("/healthy", { headers }),
    await cluster.ask("/oapi/v1/jobs/1", { headers }),
    await cluster.ask("/oapi/v1/jobs", { headers, method: "POST", body: "{}" }),
    await cluster.ask("/oapi/v1/jobs/1", { headers: {} }),
    await cluster.ask("/registry/notifications", { headers: {}, method: "POST", body: "{}" }),
    await cluster.ask("/preheats", { headers: {}, method: "POST", body: "{}" }),
    await cluster.ask("/preheats/1", { headers }),
  ];
  for (const { status, text } of asked) {
    assert.equal(status, 401);
    assert.match(Object.values(JSON.parse(text) as Record<string, string>).join(" "), /token/i);
  }
  const { status, error } = await cluster
    .simulator({ instance: { authInfo: { token: "wrong" } } })
    .run(cluster.harbor.artifact("team/two", "v1"));
  assert.equal(status, "Error");
  assert.match(error ?? "", /401/);
});

test("harbor 3: what Harbor makes of Basic never opens anything, nor does any Basic that is not configured; a token in a custom header does", async () => {
  const given = cluster.harbor.artifact("team/two", "v1");
  for (const seed of [1, 2, 3, 4]) {
    const instance = { authMode: "BASIC", authInfo: { username: "alice", password: API_TOKEN } };
    assert.equal((await cluster.simulator({ seed, instance }).run(given)).status, "Error");
  }
  const basic = { authMode: "BASIC", authInfo: { alice: "secret" } };
  assert.equal((await cluster.simulator({ instance: basic }).run(given)).status, "Error");
  for (const authInfo of [{ Authorization: `Bearer ${API_TOKEN}` }, { "X-Api-Key": API_TOKEN }])
    assert.equal((await cluster.simulator({ instance: { authMode: "CUSTOM", authInfo } }).run(given)).status, "Success");
  const wrong = { authMode: "CUSTOM", authInfo: { "X-Api-Key": "wrong" } };
  assert.equal((await cluster.simulator({ instance: wrong }).run(given)).status, "Error");
});

test("harbor 4: the POST answers in less than 2 s while the registry hangs, with what Go can read", async () => {
  cluster.harbor.push("team/four", image("four"), "v1");
  const released = Promise.withResolvers<undefined>();
  const fault = cluster.harbor.registry.fault({ when: { path: "team/four" }, do: { kind: "hold", until: released.promise } });
  const { url, headers } = cluster.harbor.artifact("team/four", "v1");
  const answer = await cluster.post(url, { headers });
  assert.ok(answer.status >= 200 && answer.status < 300, answer.text);
  assert.ok(answer.ms < 2000, `${answer.ms.toFixed(0)} ms`);
  assert.match(answer.text, /"id":[1-9][0-9]*[,}]/);
  assert.match(answer.text, /"created_at":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z".*"updated_at":"[0-9T:.-]+Z"/);
  assert.match(answer.text, /"result":null/);
  assert.equal((await cluster.job(idOf(answer))).state, "PENDING");
  fault.remove();
  released.resolve(undefined);
  assert.equal((await cluster.over(idOf(answer))).state, "SUCCESS");
});

test("harbor 5: clusters, scopes, kinds and bodies in every form: taken, or refused with a sentence", async () => {
  const { url, headers } = cluster.harbor.artifact("team/two", "v1");
  const good: [object, object][] = [
    [{}, { scheduler_cluster_ids: [] }],
    [{}, { scheduler_cluster_ids: undefined }],
    [{}, { scheduler_cluster_ids: [1] }],
    ...["", "single_seed_peer", "all_seed_peers", "all_peers", "single_peer"].map((scope): [object, object] => [{ scope }, {}]),
    [{ type: "cnai" }, {}],
    [{ unheard_of: { key: 1 } }, { bio: "x" }],
  ];
  for (const [args, rest] of good) {
    const answer = await cluster.post(url, { headers, ...args }, rest);
    assert.ok(answer.status >= 200 && answer.status < 300, `${JSON.stringify([args, rest])}: ${answer.text}`);
    assert.equal((await cluster.over(idOf(answer))).state, "SUCCESS", JSON.stringify([args, rest]));
  }
  const bad: [object, object, RegExp][] = [
    [{}, { scheduler_cluster_ids: [99] }, /99/],
    [{}, { scheduler_cluster_ids: [0] }, /0/],
    [{ scope: "nonsense" }, {}, /nonsense/],
    [{ url: "ftp://x" }, {}, /url/],
  ];
  for (const [args, rest, names] of bad) {
    const { status, text } = await cluster.post(url, { headers, ...args }, rest);
    assert.ok(status >= 400 && status < 500 && status !== 429, `${String(status)} ${text}`);
    assert.match(text, names);
  }
  const large = await cluster
    .ask("/oapi/v1/jobs", { method: "POST", body: `{"x":"${"a".repeat(2 * 1024 * 1024)}"}` })
    .catch(() => undefined);
  assert.ok(large === undefined || large.status === 413, "a body of 2 MiB is refused, or the connection is closed on it");
  for (const body of ["{", "", "[]", "null", '"x"']) {
    const { status } = await cluster.ask("/oapi/v1/jobs", { method: "POST", body });
    assert.ok(status >= 400 && status < 500, `${body}: ${String(status)}`);
  }
});

test("harbor 7: an id nobody gave is 404, one that is no number 4xx, both in JSON", async () => {
  for (const [path, least, most] of [
    ["/oapi/v1/jobs/987654321", 404, 404],
    ["/oapi/v1/jobs/abc", 400, 499],
    ["/oapi/v1/jobs/1.5", 400, 499],
    ["/oapi/v1/jobs/-1", 400, 499],
  ] as const) {
    const { status, text } = await cluster.ask(path);
    assert.ok(status >= least && status <= most, `${path}: ${String(status)}`);
    JSON.parse(text);
  }
});

test("harbor 13: the same digest under another tag, and the same POST again, cost no byte of a blob", async () => {
  const built = image("two");
  const before = cluster.harbor.blobReads().length;
  for (const tag of ["v1", "v1-again"]) {
    const given = withScope(cluster.harbor.push("team/two", built, tag), "all_peers");
    assert.equal((await cluster.simulator().run(given)).status, "Success");
  }
  assert.equal(cluster.harbor.blobReads().length, before);
});

test("harbor 14: the pull token goes to manifests and blobs unchanged, to no other host, into no answer, log, metric or file", async () => {
  const { registry } = cluster.harbor;
  registry.requests.length = 0;
  const given = withScope(cluster.harbor.push("team/fourteen", image("fourteen"), "v1"), "all_peers");
  const { status, taskId } = await cluster.simulator().run(given);
  assert.equal(status, "Success");
  const carried = given.headers["Authorization"] ?? "";
  const first = registry.requests.filter(({ host, path }) => host === "first" && path.includes("fourteen"));
  const served = first.filter(({ status: code }) => code < 400);
  assert.ok(served.some(({ kind }) => kind === "blob") && served.some(({ kind }) => kind === "manifest"));
  for (const { headers, method, path } of served) assert.equal(headers["authorization"], carried, `${method} ${path}`);
  const second = registry.requests.filter(({ host }) => host === "second");
  assert.ok(second.length > 0, "blobs came from the storage host");
  for (const { headers } of second) assert.equal(headers["authorization"], undefined);
  const token = carried.slice("Bearer ".length);
  const shown = [
    (await cluster.ask(`/oapi/v1/jobs/${taskId ?? ""}`)).text,
    (await cluster.ask("/oapi/v1/jobs")).text,
    (await cluster.ask("/metrics")).text,
    ...(await Promise.all(cluster.nodes.map(async ({ process }) => (await fetch(`http://${process.door("metrics")}/metrics`)).text()))),
  ];
  for (const text of shown) assert.ok(!text.includes(token));
  assert.deepEqual(cluster.filesWith(token), [], "no log, no database, no store holds the token");
});

test("harbor 16, 28: one seed, every seed, every host, as the scope says; a pull on each node then asks for no blob, and no manifest was pulled twice", async () => {
  cluster.harbor.registry.requests.length = 0;
  const scopes = { single_seed_peer: cluster.seeds.slice(0, 1), all_seed_peers: cluster.seeds, all_peers: cluster.nodes };
  for (const [scope, wanted] of Object.entries(scopes)) {
    const built = image(scope);
    const repository = `team/${scope.replaceAll("_", "-")}`;
    const { status, error } = await cluster.simulator().run(withScope(cluster.harbor.push(repository, built, "v1"), scope));
    assert.deepEqual([status, error], ["Success", undefined]);
    const holders = cluster.nodes.filter((node) => cluster.holdsAll(node, built));
    assert.equal(holders.length, wanted.length, `${scope}: ${holders.map(({ name }) => name).join(" ")}`);
    assert.equal(holders.filter(({ isSeed }) => isSeed).length, Math.min(wanted.length, cluster.seeds.length));
    const before = cluster.harbor.blobReads().length;
    for (const node of scope === "all_peers" ? cluster.nodes : holders) await cluster.pull(node, repository, "v1", built);
    assert.equal(cluster.harbor.blobReads().length, before, `${scope}: a pull asks the registry for no blob`);
  }
  const pulls = [...cluster.harbor.pulls()];
  assert.deepEqual(
    pulls.filter(([, count]) => count > 1),
    [],
    "each manifest was fetched once",
  );
});

test("harbor 17: of an index the platforms of the cluster are warmed and the others not; one without a match fails and says what there is", async () => {
  const other = HERE === "amd64" ? "arm64" : "amd64";
  const [mine, theirs, attest] = [artifact("mine"), artifact("theirs", { config: { architecture: other } }), artifact("attest")];
  const root = index([
    [`linux/${HERE}`, mine],
    [`linux/${other}`, theirs],
    ["unknown/unknown", attest],
  ]);
  pushArtifacts(cluster.harbor, "team/multi", "v1", [mine, theirs, attest], root);
  const { status, error, rows } = await cluster.simulator().run(withScope(cluster.harbor.artifact("team/multi", "v1"), "all_peers"));
  assert.deepEqual([status, error], ["Success", undefined]);
  for (const node of cluster.nodes) {
    for (const { digest } of mine.blobs) assert.ok(cluster.holds(node, digest), node.name);
    for (const { digest } of theirs.blobs) assert.ok(!cluster.holds(node, digest), node.name);
  }
  assert.ok(rows.every(({ url }) => !theirs.blobs.some(({ digest }) => url.endsWith(digest))));
  pushArtifacts(cluster.harbor, "team/elsewhere", "v1", [theirs], index([[`windows/${other}`, theirs]]));
  const failed = await cluster.simulator().run(cluster.harbor.artifact("team/elsewhere", "v1"));
  assert.equal(failed.status, "Error");
  assert.match(failed.error ?? "", new RegExp(`team/elsewhere.*windows/${other}`));
});

test("harbor 18: every kind of artifact that Harbor may send is warmed", async () => {
  const docker = "application/vnd.docker.distribution.manifest.v2+json";
  const dockerTypes = { manifestType: docker, configType: "application/vnd.docker.container.image.v1+json" };
  const dockerLayers = ["application/vnd.docker.image.rootfs.diff.tar.gzip"];
  const model = { configType: "application/vnd.cncf.model.config.v1+json", layerTypes: ["application/vnd.cncf.model.weight.v1.raw"] };
  const modelMore = { artifactType: "application/vnd.cncf.model.manifest.v1+json" };
  const listed = artifact("listed", { ...dockerTypes, layerTypes: dockerLayers });
  const single = {
    manifest: artifact("oci"),
    docker2: artifact("docker2", { ...dockerTypes, layerTypes: dockerLayers }),
    model: artifact("model", { ...model, more: modelMore }),
    cosign: artifact("cosign", { layerTypes: ["application/vnd.dev.cosign.simplesigning.v1+json"] }),
    empty: artifact("empty", { layerTypes: [] }),
    encrypted: artifact("encrypted", { layerTypes: ["application/vnd.oci.image.layer.v1.tar+gzip+encrypted"] }),
    "no-bytes": artifact("no bytes", { layerTypes: ["application/vnd.oci.empty.v1+json"], layerBytes: 0 }),
  };
  for (const [kind, one] of Object.entries(single)) pushArtifacts(cluster.harbor, `team/${kind}`, "v1", [one]);
  const list = index([[`linux/${HERE}`, listed]], "application/vnd.docker.distribution.manifest.list.v2+json");
  pushArtifacts(cluster.harbor, "team/list", "v1", [listed], list);
  for (const [kind, { blobs }] of Object.entries({ ...single, list: listed })) {
    const { status, error } = await cluster.simulator().run(cluster.harbor.artifact(`team/${kind}`, "v1"));
    assert.deepEqual([kind, status, error], [kind, "Success", undefined]);
    // What has no bytes is on every node, without a file.
    for (const { digest, size } of blobs)
      assert.ok(size === 0 || cluster.nodes.some((node) => cluster.holds(node, digest)), `${kind} ${digest}`);
  }
});

test("harbor 19: a tag that moves while it is resolved stays the digest that it was first", async () => {
  const [old, moved] = [image("old"), image("moved")];
  const given = cluster.harbor.push("team/moving", old, "latest");
  const asked = Promise.withResolvers<undefined>();
  const fault = cluster.harbor.registry.fault({
    when: { path: "team/moving/manifests/latest" },
    do: { kind: "hold", until: asked.promise },
  });
  const answer = await cluster.post(given.url, { headers: given.headers, scope: "all_peers" });
  await until("the tag to be asked for", () => (fault.struck > 0 ? true : undefined));
  cluster.harbor.push("team/moving", moved, "latest");
  fault.remove();
  asked.resolve(undefined);
  const { state, result } = await cluster.over(idOf(answer));
  assert.equal(state, "SUCCESS");
  const urls = (result?.job_states ?? []).flatMap(({ results }) =>
    results.flatMap(({ success_tasks: rows }) => rows.map(({ url }) => url)),
  );
  const has = ({ layers }: BuiltImage): boolean => layers.every(({ digest }) => urls.some((url) => url.endsWith(digest)));
  assert.deepEqual([has(old), has(moved)], [true, false]);
});

test("harbor 20: deep repositories, odd tags, digests and public projects, all over http with a port", async () => {
  const built = image("twenty");
  for (const [repository, tag] of [
    ["team/b/c/d", "v1"],
    ["team/odd", "V_1.0-rc.2"],
    ["open/app", "v1"],
  ] as const) {
    const given = cluster.harbor.push(repository, built, tag);
    assert.equal((await cluster.simulator().run(given)).status, "Success", given.url);
  }
  const byDigest = { ...cluster.harbor.artifact("team/odd", built.index.digest), tag: "" };
  assert.equal((await cluster.simulator().run(byDigest)).status, "Success");
  const expired = cluster.harbor.artifact("open/app", "v1", { lifetimeSeconds: -3600 });
  assert.equal((await cluster.simulator().run(expired)).status, "Success", "a public project takes an expired token");
});

test("harbor 6, 29: no answer so far was a 204, a 208, a redirect or HTML, and all came over HTTP/1.1", () => {
  const exchanges = cluster.simulators.flatMap((simulator) => simulator.exchanges);
  assert.ok(exchanges.length > 60 && cluster.answers.length > 60, `${String(exchanges.length)} ${String(cluster.answers.length)}`);
  const statuses = [...exchanges.map(({ status }) => status), ...cluster.answers.map(({ status }) => status)];
  for (const status of statuses) assert.ok(status !== 204 && status !== 208 && (status < 300 || status > 399), String(status));
  const types = [
    ...exchanges.map(({ contentType }) => contentType ?? ""),
    ...cluster.answers.map(({ headers }) => headers.get("content-type") ?? ""),
  ];
  assert.ok(types.every((type) => !type.includes("html")));
  assert.deepEqual(new Set(exchanges.map(({ httpVersion }) => httpVersion)), new Set(["1.1"]));
});
