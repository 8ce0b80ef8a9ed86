import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { buildImage, HarborSimulator, selfSigned, type BuiltImage } from "@darner/testkit";
import { API_TOKEN, HarborCluster } from "./harness/harbor-cluster.ts";
import { LoopbackProcess } from "./harness/loopback-process.ts";
import { until } from "./harness/shell.ts";

// Checks of contracts/harbor-preheat.md 5.2 for Kraken's face, that of older Harbors, and TLS, by their numbers.
const KRAKEN = { vendor: "kraken" } as const;

let cluster: HarborCluster;
before(async () => {
  cluster = await HarborCluster.open({ seeds: 1, others: 1, own: "" });
});
after(() => cluster[Symbol.asyncDispose]());

function image(seed: string): BuiltImage {
  return buildImage({ layers: [0, 1].map((at) => ({ bytes: 100_000 + at, seed: `faces ${seed} ${String(at)}` })) });
}

/** Resolves when a seed holds an image; the face of a notification tells nobody when. */
function warmed(built: BuiltImage): Promise<true> {
  return until("a seed to hold the image", () => (cluster.seeds.some((seed) => cluster.holdsAll(seed, built)) ? true : undefined));
}

test("harbor 22, 23: Kraken's notification warms an index that Harbor calls a docker manifest, with Darner's own credential", async () => {
  const built = image("kraken");
  const { status, error, polls } = await cluster.simulator({ instance: KRAKEN }).run(cluster.harbor.push("team/kraken", built, "v1"));
  assert.deepEqual([status, error, polls], ["Success", undefined, 0]);
  await warmed(built);
});

test("harbor 22: a genuine notification of a registry is understood: small keys, several events, pulls and blobs among them", async () => {
  const [one, two] = [image("genuine one"), image("genuine two")];
  const given = [cluster.harbor.push("team/genuine-one", one, "v1"), cluster.harbor.push("team/genuine-two", two, "v1")];
  const pushed = given.map(({ url, imageName, tag, digest }) => ({
    id: "f9e7a1",
    timestamp: "2026-11-21T04:24:19.691Z",
    action: "push",
    target: { mediaType: "application/vnd.oci.image.index.v1+json", size: 708, digest, length: 708, repository: imageName, url, tag },
    request: { id: "6df24a34", addr: "10.0.0.1:42961", host: cluster.harbor.registry.host, method: "PUT", useragent: "docker" },
    actor: {},
    source: { addr: "registry:5000", instanceID: "a53db899" },
  }));
  const others = [
    { ...pushed[0], action: "pull" },
    { ...pushed[0], target: { ...pushed[0]?.target, mediaType: "application/octet-stream" } },
  ];
  const body = JSON.stringify({ events: [...others, ...pushed] });
  const headers = { authorization: `Bearer ${API_TOKEN}`, "content-type": "application/vnd.docker.distribution.events.v1+json" };
  const { status, text } = await cluster.ask("/registry/notifications", { method: "POST", body, headers });
  assert.ok(status >= 200 && status < 300 && status !== 204 && status !== 208, `${String(status)} ${text}`);
  await Promise.all([warmed(one), warmed(two)]);
});

test("harbor 22: what cannot be had is refused on Kraken's face, as its answer is all that Harbor hears; so is broken JSON", async () => {
  const missing = cluster.harbor.artifact("team/nothing", "v1");
  const { status, error } = await cluster.simulator({ instance: KRAKEN }).run(missing);
  assert.equal(status, "Error");
  assert.match(error ?? "", /error: [45][0-9]{2} .*team\/nothing/);
  for (const body of ["{", "[]", '{"Events":{}}', '{"events":[1]}']) {
    const answer = await cluster.ask("/registry/notifications", { method: "POST", body });
    assert.ok(answer.status >= 400 && answer.status < 500, `${body}: ${String(answer.status)}`);
  }
});

test("harbor 24: Harbor 2.1 to 2.11 preheats over Dragonfly 1's routes, with their four words", async () => {
  for (const version of ["2.11", "2.2"] as const) {
    const built = image(`legacy ${version}`);
    const { status, error, taskId } = await cluster.simulator({ version }).run(cluster.harbor.push(`team/legacy-${version}`, built, "v1"));
    assert.deepEqual([status, error], ["Success", undefined]);
    await warmed(built);
    const { status: shown } = JSON.parse((await cluster.ask(`/preheats/${taskId ?? ""}`)).text) as { status: string };
    assert.equal(shown, "SUCCESS");
  }
  const { status, error } = await cluster.simulator({ version: "2.11" }).run(cluster.harbor.artifact("team/none", "v1"));
  assert.equal(status, "Error");
  assert.match(error ?? "", /team\/none.*404/);
});

test("harbor 24: while the registry hangs an older Harbor is told WAITING or RUNNING", async () => {
  const { url, headers } = cluster.harbor.push("team/hangs", image("hangs"), "v1");
  const released = Promise.withResolvers<undefined>();
  const fault = cluster.harbor.registry.fault({ when: { path: "team/hangs" }, do: { kind: "hold", until: released.promise } });
  const posted = await cluster.ask("/preheats", { method: "POST", body: JSON.stringify({ type: "image", url, headers }) });
  const { id } = JSON.parse(posted.text) as { id: string };
  const statusOf = async (): Promise<string> => (JSON.parse((await cluster.ask(`/preheats/${id}`)).text) as { status: string }).status;
  assert.match(await statusOf(), /^(WAITING|RUNNING)$/);
  fault.remove();
  released.resolve(undefined);
  await until("the job to succeed", async () => ((await statusOf()) === "SUCCESS" ? true : undefined));
});

test("harbor: an instance of Harbor 2.12, whose scope is single_peer, is served", async () => {
  const built = image("twelve");
  const given = { ...cluster.harbor.push("team/twelve", built, "v1"), extraAttrs: { scope: "single_peer" } };
  assert.equal((await cluster.simulator({ version: "2.12" }).run(given)).status, "Success");
  assert.ok(cluster.seeds.every((seed) => cluster.holdsAll(seed, built)));
});

test("harbor 3, 29: a whole task over TLS and under a prefix, in HTTP/1.1 also for who would rather have h2; a configured name and password open, what Harbor's page makes of one never", async () => {
  const tls = selfSigned();
  const dir = join(cluster.dir, "tls");
  mkdirSync(dir, { recursive: true });
  const [certFile, keyFile, tokenFile, basicFile] = ["cert.pem", "key.pem", "token", "basic"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
    string,
  ];
  writeFileSync(basicFile, "alice:secret\n", { mode: 0o600 });
  writeFileSync(certFile, tls.cert);
  writeFileSync(keyFile, tls.key, { mode: 0o600 });
  writeFileSync(tokenFile, API_TOKEN, { mode: 0o600 });
  const { host, secondHost } = cluster.harbor.registry;
  const registries = { DARNER_REGISTRIES: JSON.stringify({ [host]: { plainHttp: true }, [secondHost]: { plainHttp: true } }) };
  await using scheduler = await LoopbackProcess.open("scheduler", dir, {
    DARNER_API_TLS_CERT_FILE: certFile,
    DARNER_API_TLS_KEY_FILE: keyFile,
    DARNER_API_TOKEN_FILE: tokenFile,
    DARNER_API_BASIC_FILE: basicFile,
    DARNER_API_PREFIX: "/darner",
    ...registries,
  });
  const instance = { ...KRAKEN, endpoint: `https://${scheduler.door("http")}/darner` };
  using harbor = new HarborSimulator({ ca: tls.cert, instance });
  await assert.rejects(harbor.ping(), /503 .*no daemon/, "no host has come yet, and health says so");
  assert.equal(harbor.exchanges[0]?.httpVersion, "1.1");
  const [address = "", port = ""] = scheduler.door("http").split(":");
  const socket = connect({ host: address, port: Number(port), ca: tls.cert, ALPNProtocols: ["h2", "http/1.1"] });
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  assert.equal(socket.alpnProtocol, "http/1.1");
  socket.destroy();
  await using _daemon = await LoopbackProcess.open("daemon", join(cluster.dir, "tls-daemon"), {
    DARNER_SCHEDULERS: JSON.stringify([scheduler.door("grpc")]),
    DARNER_ADVERTISE: "127.0.0.1",
    DARNER_SEED: "true",
    ...registries,
  });
  const dragonfly = { vendor: "dragonfly", endpoint: instance.endpoint } as const;
  const simulator = (authMode: string, authInfo: Readonly<Record<string, string>>, seed = 1): HarborSimulator => {
    const made = new HarborSimulator({ ca: tls.cert, tickMs: 200, seed, instance: { ...dragonfly, authMode, authInfo } });
    cluster.simulators.push(made);
    return made;
  };
  const given = cluster.harbor.push("team/tls", image("tls"), "v1");
  const oauth = simulator("OAUTH", { token: API_TOKEN });
  await until("the daemon to come", () =>
    oauth.ping().then(
      () => true as const,
      () => undefined,
    ),
  );
  const outcome = await oauth.run(given);
  assert.deepEqual([outcome.status, outcome.error], ["Success", undefined]);
  assert.ok(outcome.rows.length >= 3 && outcome.polls > 0);
  assert.deepEqual(new Set(oauth.exchanges.map(({ httpVersion }) => httpVersion)), new Set(["1.1"]));
  for (const [mode, info] of [
    ["BASIC", { alice: "secret" }],
    ["CUSTOM", { "X-Api-Key": API_TOKEN }],
  ] as const)
    assert.equal((await simulator(mode, info).run(given)).status, "Success", mode);
  for (const seed of [1, 2, 3, 4, 5])
    assert.equal((await simulator("BASIC", { username: "alice", password: "secret" }, seed).run(given)).status, "Error");
});
