import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openTempDir } from "@darner/testkit";
import type { Config } from "./config.ts";
import type { ConfigSources } from "./load-config.ts";
import { formatProblems, loadConfig } from "./load-config.ts";
import { upDefaults } from "./up-defaults.ts";

const { path: dir, [Symbol.asyncDispose]: removeDir } = await openTempDir();
after(removeDir);

function fileOf(text: string): string {
  const file = join(dir, "darner.yaml");
  writeFileSync(file, text);
  return file;
}

type Given = Partial<Omit<ConfigSources, "file">> & { yaml?: string };

function load({ yaml, ...sources }: Given): ReturnType<typeof loadConfig> {
  return loadConfig({ env: {}, flags: {}, ...sources, ...(yaml === undefined ? {} : { file: fileOf(yaml) }) });
}

function configOf(given: Given): Config {
  const loaded = load(given);
  assert.ok(loaded.ok, loaded.ok ? "" : formatProblems(loaded.problems));
  return loaded.config;
}

function problemsOf(given: Given): Record<string, string> {
  const loaded = load(given);
  assert.ok(!loaded.ok);
  return Object.fromEntries(loaded.problems.map(({ path, problem }) => [path, problem]));
}

test("without any source every key has its default", () => {
  const config = configOf({});
  assert.equal(config.dataDir, "/var/lib/darner");
  assert.equal(config.name, hostname());
  assert.equal(config.listen.mirror, "127.0.0.1:4101");
  assert.equal(config.listen.http, "0.0.0.0:4111");
  assert.deepEqual(config.schedulers, []);
  assert.deepEqual(config.mirror.allow, ["**"]);
  assert.equal(config.store.maxBytes, 100 * 2 ** 30);
  assert.equal(config.limits.uploadBytesPerSecond, 0);
  assert.equal(config.source.stripeSeconds, 0.3);
  assert.equal("zone" in config, false);
});

test("the design's example file is a configuration", () => {
  const config = configOf({
    yaml: `
dataDir: /var/lib/darner
listen: { mirror: "127.0.0.1:4101", pieces: "0.0.0.0:4102", p2p: "0.0.0.0:4103", admin: "127.0.0.1:4104", metrics: "0.0.0.0:4105", grpc: "0.0.0.0:4110", http: "0.0.0.0:4111" }
schedulers: ["scheduler-0.darner:4110"]
advertise: 10.0.0.11
seed: false
zone: eu-1/rack-7
join: { tokenFile: /etc/darner/join-token }
registries:
  "registry.local:5000": { plainHttp: true }
  "harbor.corp": { caFile: /etc/darner/harbor-ca.pem }
  10.0.0.5:5000:
mirror: { defaultRegistry: docker.io, allow: ["**"] }
store: { maxBytes: 100GiB, minFreeBytes: 10GiB }
limits: { uploadBytesPerSecond: 0, downloadBytesPerSecond: 0 }
api: { tokenFile: /etc/darner/api-token }
source: { maxReadersPerBlob: 8, maxConnectionsPerRegistry: 64 }
`,
  });
  assert.deepEqual({ ...config.registries["registry.local:5000"] }, { plainHttp: true, realms: [] });
  assert.deepEqual({ ...config.registries["10.0.0.5:5000"] }, { plainHttp: false, realms: [] });
  assert.equal(config.zone, "eu-1/rack-7");
});

test("a variable overrides the file and a flag overrides the variable", () => {
  const yaml = "store: { maxBytes: 1GiB, minFreeBytes: 1 }\nlisten: { mirror: '127.0.0.1:1' }\nseed: true\n";
  const env = { DARNER_STORE_MAX_BYTES: "2GiB", DARNER_LISTEN_MIRROR: "127.0.0.1:2", DARNER_SEED: "false" };
  const config = configOf({ yaml, env, flags: { "listen.mirror": "127.0.0.1:3" } });
  assert.equal(config.store.maxBytes, 2 * 2 ** 30);
  assert.equal(config.store.minFreeBytes, 1);
  assert.equal(config.listen.mirror, "127.0.0.1:3");
  assert.equal(config.seed, false);
});

test("lists and maps in variables and flags are JSON", () => {
  const config = configOf({
    env: { DARNER_SCHEDULERS: '["a:1","b:2"]', DARNER_SOURCE_STRIPE_SECONDS: "0.5" },
    flags: { registries: '{"r.local:5000":{"plainHttp":true}}' },
  });
  assert.deepEqual(config.schedulers, ["a:1", "b:2"]);
  assert.equal(config.registries["r.local:5000"]?.plainHttp, true);
  assert.equal(config.source.stripeSeconds, 0.5);
});

test("a list that is not JSON is a problem that says so", () => {
  assert.match(problemsOf({ env: { DARNER_SCHEDULERS: "a:1" } })["schedulers"] ?? "", /not JSON; takes a list of host:port/);
});

test("a key without a value has its default and zero is zero", () => {
  const config = configOf({ yaml: "schedulers:\nstore:\naccess:\n  grantSeconds: 0\n  graceSeconds:\nwatchdog: { seconds: 0 }\n" });
  assert.deepEqual(config.schedulers, []);
  assert.equal(config.store.maxBytes, 100 * 2 ** 30);
  assert.equal(config.access.grantSeconds, 0);
  assert.equal(config.access.graceSeconds, 86_400);
  assert.equal(config.watchdog.seconds, 0);
});

test("an empty file is a configuration", () => {
  assert.equal(configOf({ yaml: "# nothing\n" }).seed, false);
});

test("the configuration is frozen to its leaves and a registry's name finds nothing inherited", () => {
  const config = configOf({ yaml: "registries: { r.local: { realms: [auth.local] } }" });
  assert.ok(Object.isFrozen(config.registries["r.local"]?.realms));
  assert.ok(Object.isFrozen(config.listen));
  assert.equal(config.registries["constructor"], undefined);
});

test("all problems are reported at once, each with its path and what is accepted", () => {
  const problems = problemsOf({
    yaml: `
dataDri: /x
listen: { mirror: "4101", pices: "a:1" }
schedulers: ["good:1", "bad", "port:0"]
seed: maybe
maxBytes: 5
store: { maxBytes: 5 apples }
limits: 7
pieces: { encryption: tsl }
registries:
  Https://Harbor.corp: {}
  registry-1.docker.io: {}
  harbor.corp: { credentials: { username: me }, plainHTTP: true }
mirror: { maxConnections: 0.5, allow: "**" }
`,
    env: { DARNER_WATCHDOG_SECONDS: "five" },
    flags: { "log.level": "loud", "listen.miror": "a:1" },
  });
  assert.equal(problems["dataDri"], "unknown key; did you mean dataDir?");
  assert.match(problems["listen.mirror"] ?? "", /^is "4101"; takes host:port/);
  assert.equal(problems["listen.pices"], "unknown key; did you mean pieces?");
  assert.match(problems["schedulers[1]"] ?? "", /^is "bad"; takes a list of host:port/);
  assert.match(problems["schedulers[2]"] ?? "", /^is "port:0"/);
  assert.equal(problems["seed"], 'is "maybe"; takes true or false');
  assert.equal(problems["maxBytes"], "unknown key; did you mean store.maxBytes?");
  assert.match(problems["store.maxBytes"] ?? "", /^is "5 apples"; takes a number of bytes/);
  assert.match(problems["limits"] ?? "", /^is a number; takes a map of keys: uploadBytesPerSecond/);
  assert.equal(problems["pieces.encryption"], 'is "tsl"; takes "tls" or "none"');
  assert.match(problems['registries."Https://Harbor.corp"'] ?? "", /is not the name of a registry/);
  assert.match(problems['registries."registry-1.docker.io"'] ?? "", /Docker Hub is docker\.io/);
  assert.match(problems['registries."harbor.corp".credentials.passwordFile'] ?? "", /^is missing; takes the path of a file/);
  assert.equal(problems['registries."harbor.corp".plainHTTP'], "unknown key; did you mean plainHttp?");
  assert.match(problems["mirror.maxConnections"] ?? "", /^is 0\.5; takes a whole number/);
  assert.match(problems["mirror.allow"] ?? "", /^is "\*\*"; takes a list of patterns/);
  assert.match(problems["watchdog.seconds"] ?? "", /^is "five"; takes a number of seconds/);
  assert.match(problems["log.level"] ?? "", /^is "loud"/);
  assert.equal(problems["--listen.miror"], "unknown flag; did you mean --listen.mirror?");
  assert.equal(Object.keys(problems).length, 19);
});

test("an unknown key without a likeness is told what is accepted there", () => {
  assert.equal(
    problemsOf({ yaml: "join: { colour: red }" })["join.colour"],
    "unknown key; accepted here: tokenFile, fingerprint, insecure, insecureForEverybodyWhoReachesThisHost, signingKeyFile, tokensFile, kubernetes",
  );
});

test("the value of an unknown key is not printed, since it may be a secret", () => {
  const loaded = load({ yaml: "registries: { r.local: { credentials: { username: u, password: hunter2, passwordFile: /f } } }" });
  assert.ok(!loaded.ok);
  assert.doesNotMatch(formatProblems(loaded.problems), /hunter2/);
});

test("a key called __proto__ is an unknown key like any other", () => {
  const loaded = load({ yaml: '"__proto__": { seed: true }\nregistries: { "__proto__": { plainHttp: true } }' });
  assert.ok(!loaded.ok);
  assert.equal(({} as Record<string, unknown>)["plainHttp"], undefined);
});

test("each problem says where the value was written", () => {
  const loaded = load({ yaml: "seed: true\nstore:\n  maxBytes: x\n  size: 5\n", flags: { zone: "a//b" }, env: { DARNER_NAME: "" } });
  assert.ok(!loaded.ok);
  const places = Object.fromEntries(loaded.problems.map(({ path, from }) => [path, from?.replace(dir, "")]));
  assert.deepEqual(places, { "store.maxBytes": "/darner.yaml:3:3", "store.size": "/darner.yaml:4:3", zone: "--zone", name: "DARNER_NAME" });
});

test("a file that is ill-formed is a problem with line and column, beside the other problems", () => {
  const loaded = load({ yaml: "seed: true\nstore: { maxBytes: 1\nlisten: {}\n", flags: { seed: "x" } });
  assert.ok(!loaded.ok);
  assert.match(loaded.problems[0]?.from ?? "", /darner\.yaml:[23]:\d+$/);
  assert.match(loaded.problems[0]?.problem ?? "", /^is not YAML/);
  assert.ok(loaded.problems.some(({ path }) => path === "seed"));
});

test("a key that stands twice is a problem", () => {
  const loaded = load({ yaml: "seed: true\nseed: false\n" });
  assert.ok(!loaded.ok);
  assert.match(loaded.problems[0]?.from ?? "", /:2:1$/);
});

test("a file that is not there, a directory and a file that is no map are problems", () => {
  const missing = loadConfig({ file: join(dir, "none.yaml"), env: {}, flags: {} });
  assert.ok(!missing.ok);
  assert.equal(missing.problems[0]?.problem, "cannot be read: there is no such file");
  const folder = loadConfig({ file: dir, env: {}, flags: {} });
  assert.ok(!folder.ok);
  assert.equal(folder.problems[0]?.problem, "cannot be read: it is a directory");
  assert.match(Object.values(problemsOf({ yaml: "- a\n- b\n" }))[0] ?? "", /must be a map of keys/);
});

test("an alias bomb is a problem, not a full memory", () => {
  const levels = Array.from(
    { length: 20 },
    (_, i) =>
      `k${String(i + 1)}: &k${String(i + 1)} [${Array(10)
        .fill(`*k${String(i)}`)
        .join(", ")}]`,
  );
  assert.ok(!load({ yaml: `k0: &k0 x\n${levels.join("\n")}\n` }).ok);
});

test("an unknown DARNER variable is a warning, one that Kubernetes sets for a service is not", () => {
  const env = { DARNER_LISTEN_MIROR: "x", DARNER_SERVICE_HOST: "1", DARNER_PORT: "tcp://1", DARNER_PORT_4110_TCP_ADDR: "1", PATH: "/bin" };
  const loaded = load({ env });
  assert.ok(loaded.ok);
  assert.deepEqual(loaded.warnings, [
    { path: "DARNER_LISTEN_MIROR", problem: "unknown variable, ignored; did you mean DARNER_LISTEN_MIRROR?" },
  ]);
});

test("darner up listens on loopback only and what the user says still counts", () => {
  const plain = configOf({ defaults: upDefaults() });
  assert.ok(Object.values(plain.listen).every((address) => address.startsWith("127.0.0.1:")));
  assert.deepEqual(plain.schedulers, ["127.0.0.1:4110"]);
  assert.equal(plain.join.insecure, true);
  assert.equal(plain.store.minFreeBytes, 2 ** 30);
  assert.match(plain.dataDir, /\/\.local\/share\/darner$/);
  const own = configOf({ defaults: upDefaults("/d"), flags: { "listen.grpc": "127.0.0.1:9" }, yaml: "store: { minFreeBytes: 0 }" });
  assert.equal(own.dataDir, "/d");
  assert.deepEqual(own.schedulers, ["127.0.0.1:9"]);
  assert.equal(own.store.minFreeBytes, 0);
  assert.equal(own.listen.http, "127.0.0.1:4111");
});

test("darner up leaves the scheduler's address open where its port is the system's choice", () => {
  assert.deepEqual(configOf({ defaults: upDefaults(), flags: { "listen.grpc": "127.0.0.1:0" } }).schedulers, []);
});
