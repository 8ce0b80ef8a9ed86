import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildImage, openScriptedRegistry, randomBlob, type BuiltImage, type ScriptedRegistry } from "@darner/testkit";
import { heapEnvironment, heapOf } from "../harness/heap-of.ts";
import { LoopbackProcess } from "../harness/loopback-process.ts";
import { environmentsOf, filesBelow, secretsIn, type Planted } from "../harness/planted-secrets.ts";
import { until } from "../harness/shell.ts";
import { TcpTap } from "../harness/tcp-tap.ts";

const VAULT = "vault/app";
const CLOSED = "closed/app";
const OWN = "own/app";
// Random enough that none of them stands anywhere by chance.
const ADA_PASSWORD = "pw-ada-4f1d9c7b2e8a";
const BOB_PASSWORD = "pw-bob-90c3ad17ee52";
const OWN_PASSWORD = "pw-own-6b7e55d0c1f4";
const WRONG_TOKEN = "token-wrong-17f0a2c48d";
const SIGNATURE = "sig-9d2e4c61b7f80a35";
const EVIL_SIGNATURE = "sig-evil-3a57c0de91";
const EVIL_USER = "user-evil-c41f";
const COOKIE = "cookie-8e0b52d7aa16";

type Node = { readonly name: string; readonly dir: string; readonly process: LoopbackProcess };

const lives = new AsyncDisposableStack();
const image = buildImage({
  layers: [
    { bytes: 3_000_000, seed: "secret layer" },
    { bytes: 500_000, seed: "second" },
  ],
});
const held = randomBlob("held on its way", 4_000_000);
let dir: string;
let bearer: ScriptedRegistry;
let basic: ScriptedRegistry;
let own: ScriptedRegistry;
let scheduler: Node;
let first: Node;
let second: Node;
let grpcTap: TcpTap;
let pieceTap: TcpTap;
// In whose memory a secret may be: that of the host it came to.
let toFirst: Planted[];
let toSecond: Planted[];

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "darner-secrets-"));
  lives.defer(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  const users = { ada: ADA_PASSWORD, bob: BOB_PASSWORD, own: OWN_PASSWORD };
  bearer = lives.use(await openScriptedRegistry({ access: { scheme: "bearer", users, privateRepositories: [VAULT] } }));
  basic = lives.use(await openScriptedRegistry({ access: { scheme: "basic", users } }));
  own = lives.use(await openScriptedRegistry({ access: { scheme: "bearer", users, privateRepositories: [OWN] } }));
  plant();
  await openCluster();
});
after(() => lives.disposeAsync());

/** Content, and answers that carry secrets of their own: cookies, signed links, links to strangers. */
function plant(): void {
  bearer.content.push(VAULT, image, "v1");
  bearer.content.pushBlob(VAULT, held.bytes);
  basic.content.push(CLOSED, image, "v1");
  own.content.push(OWN, buildImage({ layers: [{ bytes: 700_000, seed: "own" }] }), "v1");
  bearer.fault({ when: { kind: "manifest", host: "first" }, do: { kind: "headers", set: { "set-cookie": `session=${COOKIE}; Path=/` } } });
  for (const { digest } of image.layers) {
    const location = `http://${bearer.secondHost}/v2/${VAULT}/blobs/${digest}?X-Amz-Signature=${SIGNATURE}`;
    bearer.fault({ when: { kind: "blob", path: digest, host: "first" }, do: { kind: "redirect", to: { location } } });
  }
  // A stream that breaks is told in the log, with its cause; the link it came over is not.
  bearer.fault({
    when: { method: "GET", kind: "blob", path: image.layers[1]?.digest ?? "", host: "second" },
    times: 1,
    do: { kind: "cut", afterBytes: 1000 },
  });
  const evil = `https://${EVIL_USER}:x@evil.example/x?sig=${EVIL_SIGNATURE}`;
  bearer.fault({ when: { path: "elsewhere" }, do: { kind: "redirect", to: { location: evil } } });
  bearer.fault({ when: { path: "inside" }, do: { kind: "redirect", to: { location: `https://10.0.0.1/x?sig=${EVIL_SIGNATURE}` } } });
  bearer.fault({ when: { path: "broken" }, do: { kind: "hold" } });
}

async function openCluster(): Promise<void> {
  const passwordFile = join(dir, "own-password");
  writeFileSync(passwordFile, `${OWN_PASSWORD}\n`, { mode: 0o600 });
  scheduler = await open("scheduler", "scheduler", { DARNER_JOURNAL_FILE: join(dir, "scheduler", "journal") });
  grpcTap = lives.use(await TcpTap.open("127.0.0.1:0", scheduler.process.door("grpc")));
  const registries = Object.fromEntries(
    [bearer, basic, own].flatMap(({ host, secondHost }) => [host, secondHost]).map((host) => [host, { plainHttp: true }]),
  );
  const common = { DARNER_SCHEDULERS: JSON.stringify([grpcTap.address]), DARNER_PIECES_ENCRYPTION: "none" };
  // The first host listens at 127.0.0.1 and is reached at 127.0.0.2, where the tap listens.
  const port = await freePort();
  pieceTap = lives.use(await TcpTap.open(`127.0.0.2:${String(port)}`, `127.0.0.1:${String(port)}`));
  first = await open("daemon", "first", {
    ...common,
    DARNER_LISTEN_PIECES: `127.0.0.1:${String(port)}`,
    DARNER_ADVERTISE: "127.0.0.2",
    DARNER_REGISTRIES: JSON.stringify({
      ...registries,
      [own.host]: { plainHttp: true, credentials: { username: "own", passwordFile } },
    }),
  });
  second = await open("daemon", "second", { ...common, DARNER_ADVERTISE: "127.0.0.1", DARNER_REGISTRIES: JSON.stringify(registries) });
  for (const node of [first, second]) {
    await until("the daemons to find the scheduler", async () => ((await statusOf(node)).includes('"scheduler":null') ? undefined : true));
  }
}

async function open(command: "daemon" | "scheduler", name: string, config: Readonly<Record<string, string>>): Promise<Node> {
  const heaps = join(dir, "heaps", name);
  mkdirSync(heaps, { recursive: true });
  const env = {
    DARNER_NAME: name,
    DARNER_LOG_LEVEL: "debug",
    DARNER_JOIN_INSECURE: "true",
    ...heapEnvironment(heaps),
  };
  const process = lives.use(await LoopbackProcess.open(command, join(dir, name), { ...env, ...config }));
  return { name, dir: join(dir, name), process };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

async function statusOf({ process }: Node): Promise<string> {
  return (await fetch(`http://${process.door("admin")}/api/v1/status`)).text();
}

/** One host's status as another is told it over libp2p. */
async function overLibp2p(asking: Node, asked: Node): Promise<string> {
  const { host } = JSON.parse(await statusOf(asked)) as { host: string };
  const url = `http://${asking.process.door("admin")}/api/v1/hosts/${host}/status?address=${asked.process.door("p2p")}`;
  // A busy machine does not load libp2p in the time that people would wait for an answer.
  return until(`an answer of ${asked.name} over libp2p`, async () => {
    const answer = await fetch(url);
    const text = await answer.text();
    return answer.ok ? text : undefined;
  });
}

async function tokenOf(registry: ScriptedRegistry, name: string, user: string, password: string): Promise<string> {
  const headers = { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
  const answer = await fetch(`${registry.origin}/token?scope=repository:${name}:pull`, { headers });
  return ((await answer.json()) as { token: string }).token;
}

/** Asks a node's mirror and gives the status. */
async function ask({ process }: Node, registry: ScriptedRegistry, path: string, authorization?: string): Promise<number> {
  const response = await fetch(`http://${process.door("mirror")}/v2/${path}?ns=${registry.host}`, {
    headers: authorization === undefined ? {} : { authorization },
  });
  await response.arrayBuffer().catch(() => undefined);
  return response.status;
}

async function pull(node: Node, registry: ScriptedRegistry, name: string, what: BuiltImage, authorization: string): Promise<void> {
  const paths = [
    "manifests/v1",
    `manifests/${what.manifest.digest}`,
    ...[what.config, ...what.layers].map(({ digest }) => `blobs/${digest}`),
  ];
  for (const path of paths) assert.equal(await ask(node, registry, `${name}/${path}`, authorization), 200, `${node.name} ${name}/${path}`);
}

test("secrets that came to one host are in no log, metric, file, environment or message, and in no other process's memory", async () => {
  const ada = await tokenOf(bearer, VAULT, "ada", ADA_PASSWORD);
  const bob = await tokenOf(bearer, VAULT, "bob", BOB_PASSWORD);
  const adaOwn = await tokenOf(own, OWN, "ada", ADA_PASSWORD);
  const [ownImage] = [buildImage({ layers: [{ bytes: 700_000, seed: "own" }] })];
  const adaBasic = `Basic ${Buffer.from(`ada:${ADA_PASSWORD}`).toString("base64")}`;
  await pull(first, bearer, VAULT, image, `Bearer ${ada}`);
  await pull(first, basic, CLOSED, image, adaBasic);
  await pull(first, own, OWN, ownImage, `Bearer ${adaOwn}`);
  for (const name of [VAULT, OWN]) assert.ok((await ask(first, bearer, `${name}/manifests/v1`, `Bearer ${WRONG_TOKEN}`)) >= 400);
  for (const tag of ["elsewhere", "inside"]) assert.ok((await ask(first, bearer, `${VAULT}/manifests/${tag}`, `Bearer ${ada}`)) >= 400);
  await pull(second, bearer, VAULT, image, `Bearer ${bob}`);
  // One blob stays on its way, so that the credential it is read with is in use while memory is looked at.
  const release = Promise.withResolvers<undefined>();
  bearer.fault({ when: { method: "GET", path: held.digest }, do: { kind: "hold", afterBytes: 1_000_000, until: release.promise } });
  const leaving = new AbortController();
  const running = fetch(`http://${first.process.door("mirror")}/v2/${VAULT}/blobs/${held.digest}?ns=${bearer.host}`, {
    headers: { authorization: `Bearer ${ada}` },
    signal: leaving.signal,
  });
  await until("the held blob to begin", () =>
    bearer.requests.some(({ path, method }) => method === "GET" && path.includes(held.digest)) ? true : undefined,
  );

  const ownTokens = own.requests
    .map(({ headers: { authorization } }) => String(authorization).replace(/^Bearer /, ""))
    .filter((token) => token !== "undefined" && token !== adaOwn && !token.startsWith("Basic"));
  assert.ok(ownTokens.length > 0, "the host read with its own credential");
  toFirst = [
    { name: "ada's token", value: ada },
    { name: "ada's token at the other registry", value: adaOwn },
    { name: "ada's password", value: ADA_PASSWORD },
    { name: "the host's own password", value: OWN_PASSWORD },
    { name: "a token for the host's own credential", value: ownTokens[0] ?? "" },
    { name: "a wrong token", value: WRONG_TOKEN },
    { name: "the user in a stranger's link", value: EVIL_USER },
    { name: "the signature in a stranger's link", value: EVIL_SIGNATURE },
  ];
  toSecond = [{ name: "bob's token", value: bob }];
  const both = [
    { name: "the signature of a storage link", value: SIGNATURE },
    { name: "a cookie", value: COOKIE },
  ];
  const everything = [...toFirst, ...toSecond, ...both, { name: "bob's password", value: BOB_PASSWORD }];
  const found: string[] = [];
  const search = (where: string, bytes: Buffer, secrets: readonly Planted[]): void => {
    found.push(...secretsIn(bytes, secrets).map((name) => `${name} in ${where}`));
  };
  let files = 0;
  for (const node of [scheduler, first, second]) {
    for (const path of filesBelow(node.dir)) {
      files += 1;
      search(path, readFileSync(path), everything);
    }
    for (const bytes of environmentsOf(node.process.pid)) search(`an environment of ${node.name}`, bytes, everything);
    const metrics = await fetch(`http://${node.process.door(node === scheduler ? "http" : "metrics")}/metrics`);
    search(`the metrics of ${node.name}`, Buffer.from(await metrics.text()), everything);
  }
  for (const node of [first, second]) search(`the status of ${node.name}`, Buffer.from(await statusOf(node)), everything);
  for (const [asking, asked] of [
    [first, second],
    [second, first],
  ] as const)
    search(`what ${asked.name} tells over libp2p`, Buffer.from(await overLibp2p(asking, asked)), everything);
  assert.ok(statSync(join(dir, "scheduler", "journal")).size > 0, "the scheduler's journal is among the files");
  assert.match(first.process.log(), /"level":"debug".*"source stream broke"/, "the log of the host they came to tells everything it can");
  const [grpc, pieces] = [grpcTap.recorded(), pieceTap.recorded()];
  assert.ok(grpc.includes(bearer.host) && grpc.includes(image.manifest.digest), "the tap on the scheduler's line hears plain words");
  assert.ok(
    pieces.includes(Buffer.from(image.layers[0]?.bytes.subarray(1000, 1100) ?? [])),
    "the tap on the piece channel hears plain bytes",
  );
  search("gRPC", grpc, everything);
  search("the piece channel", pieces, everything);
  const heap = ({ name, process }: Node): Promise<Buffer> => heapOf(name, process.pid, join(dir, "heaps", name));
  const heaps = { scheduler: await heap(scheduler), first: await heap(first), second: await heap(second) };
  search("the scheduler's heap", heaps.scheduler, everything);
  search("the second host's heap", heaps.second, toFirst);
  search("the first host's heap", heaps.first, toSecond);
  const seen = secretsIn(heaps.first, toFirst);
  leaving.abort();
  release.resolve(undefined);
  await running.catch(() => undefined);
  console.log(
    `${String(everything.length)} secrets, ${String(files)} files, ${String(grpc.length)} bytes of gRPC, ${String(pieces.length)} bytes of pieces, ` +
      `${String(Object.values(heaps).reduce((sum, { length }) => sum + length, 0))} bytes of heaps: found ${String(found.length)}; on the host they came to: ${seen.join(", ")}`,
  );
  assert.deepEqual(found, []);
  assert.ok(seen.includes("ada's token") && seen.includes("the host's own password"), "the search finds what is there");
});
