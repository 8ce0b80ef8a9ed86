import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildImage, openScriptedRegistry, type ScriptedRegistry } from "@darner/testkit";
import { darnerCommand } from "../harness/darner-command.ts";
import { heapEnvironment, heapOf } from "../harness/heap-of.ts";
import { LoopbackProcess } from "../harness/loopback-process.ts";
import { environmentsOf, filesBelow, secretsIn, type Planted } from "../harness/planted-secrets.ts";
import { must, until } from "../harness/shell.ts";
import { TcpTap } from "../harness/tcp-tap.ts";

// The one credential that comes to the scheduler: a job's pull token. It goes, over member TLS, to the few hosts that read with it, and is forgotten.
const VAULT = "vault/app";
const PASSWORD = "pw-robot-5d0b7713ac9e";
const HOSTS = 3;
const MAX_READERS = 2;

type Node = { readonly name: string; readonly dir: string; readonly heaps: string; readonly process: LoopbackProcess };

const lives = new AsyncDisposableStack();
const image = buildImage({ layers: [{ bytes: 6_000_000, seed: "preheated secret layer" }] });
let dir: string;
let registry: ScriptedRegistry;
let scheduler: Node;
let tap: TcpTap;
const hosts: Node[] = [];

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "darner-preheat-secrets-"));
  lives.defer(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  registry = lives.use(
    await openScriptedRegistry({ access: { scheme: "bearer", users: { robot: PASSWORD }, privateRepositories: [VAULT] } }),
  );
  registry.content.push(VAULT, image, "v1");
  scheduler = await open("scheduler", "scheduler", { DARNER_JOURNAL_FILE: join(dir, "scheduler", "journal") });
  tap = lives.use(await TcpTap.open("127.0.0.1:0", scheduler.process.door("grpc")));
  const tokenFile = join(dir, "join-token");
  writeFileSync(tokenFile, await must(darnerCommand("token", "create", "--dataDir", join(dir, "scheduler", "data"))), { mode: 0o600 });
  const config = { DARNER_SCHEDULERS: JSON.stringify([tap.address]), DARNER_ADVERTISE: "127.0.0.1", DARNER_JOIN_TOKEN_FILE: tokenFile };
  for (let at = 1; at <= HOSTS; at++) hosts.push(await open("daemon", `host-${String(at)}`, config));
  for (const { process } of hosts) {
    const status = async (): Promise<string> => (await fetch(`http://${process.door("admin")}/api/v1/status`)).text();
    await until("the scheduler to be found", async () => ((await status()).includes('"scheduler":null') ? undefined : true));
  }
});
after(() => lives.disposeAsync());

async function open(command: "daemon" | "scheduler", name: string, config: Readonly<Record<string, string>>): Promise<Node> {
  const heaps = join(dir, "heaps", name);
  mkdirSync(heaps, { recursive: true });
  const process = lives.use(
    await LoopbackProcess.open(command, join(dir, name), {
      DARNER_NAME: name,
      DARNER_LOG_LEVEL: "debug",
      DARNER_JOIN_INSECURE: "false",
      DARNER_REGISTRIES: JSON.stringify({ [registry.host]: { plainHttp: true } }),
      ...heapEnvironment(heaps),
      ...config,
    }),
  );
  return { name, dir: join(dir, name), heaps, process };
}

async function api(method: string, path: string, body?: unknown): Promise<string> {
  const token = readFileSync(join(dir, "scheduler", "data", "scheduler", "api-token"), "utf8").trim();
  const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
  const url = `http://${scheduler.process.door("http")}${path}`;
  return (await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })).text();
}

/** Everything but memory: files, logs, metrics, environments, the API, the wire. */
async function findOutside(secrets: readonly Planted[]): Promise<string[]> {
  const found: string[] = [];
  const search = (where: string, bytes: Buffer): void => void found.push(...secretsIn(bytes, secrets).map((name) => `${name} in ${where}`));
  for (const node of [scheduler, ...hosts]) {
    for (const path of filesBelow(node.dir)) {
      // A blob that is proven meanwhile moves to another place.
      if (existsSync(path)) search(path, readFileSync(path));
    }
    for (const bytes of environmentsOf(node.process.pid)) search(`an environment of ${node.name}`, bytes);
    const metrics = await fetch(`http://${node.process.door(node === scheduler ? "http" : "metrics")}/metrics`);
    search(`the metrics of ${node.name}`, Buffer.from(await metrics.text()));
  }
  for (const path of ["/oapi/v1/jobs", "/api/v1/jobs"]) search(path, Buffer.from(await api("GET", path)));
  search("the line between scheduler and hosts", tap.recorded());
  return found;
}

/** Which processes have a secret in their memory; all are looked at together: a host that stands still for long is no reader any more. */
async function holders(nodes: readonly Node[], secret: Planted): Promise<string[]> {
  const found = nodes.map(async ({ name, process, heaps }) =>
    secretsIn(await heapOf(name, process.pid, heaps), [secret]).length > 0 ? [name] : [],
  );
  return (await Promise.all(found)).flat();
}

test("the pull token of a preheat job is in no file, journal, log, metric, answer or plain line; few hosts have it in memory, and none after the job", async () => {
  const headers = { authorization: `Basic ${Buffer.from(`robot:${PASSWORD}`).toString("base64")}` };
  const answer = await fetch(`${registry.origin}/token?scope=repository:${VAULT}:pull`, { headers });
  const { token } = (await answer.json()) as { token: string };
  const secret = { name: "the job's token", value: token };
  const all = [secret, { name: "the robot's password", value: PASSWORD }];
  const release = Promise.withResolvers<undefined>();
  const [layer] = image.layers;
  registry.fault({
    when: { method: "GET", path: layer?.digest ?? "" },
    do: { kind: "hold", afterBytes: 1_000_000, until: release.promise },
  });
  const args = { type: "image", url: `http://${registry.host}/v2/${VAULT}/manifests/v1`, headers: { Authorization: `Bearer ${token}` } };
  const made = JSON.parse(await api("POST", "/oapi/v1/jobs", { type: "preheat", args: { ...args, scope: "all_peers" } })) as { id: number };
  const stateOf = async (): Promise<string> =>
    (JSON.parse(await api("GET", `/oapi/v1/jobs/${String(made.id)}`)) as { state: string }).state;
  await until("the layer to begin", () =>
    registry.requests.some(({ method, path }) => method === "GET" && path.endsWith(layer?.digest ?? "")) ? true : undefined,
  );
  assert.deepEqual(await findOutside(all), []);
  const during = await holders(hosts, secret);
  assert.ok(during.length > 0 && during.length <= MAX_READERS, `hosts with the token in memory: ${during.join(", ")}`);
  release.resolve(undefined);
  await until("the job to be over", async () => ((await stateOf()) === "SUCCESS" ? true : undefined), 60_000);
  assert.deepEqual(await findOutside(all), []);
  const afterwards = await holders([scheduler, ...hosts], secret);
  console.log(
    `the job's token: in the memory of ${during.join(", ")} of ${String(HOSTS)} hosts while it ran, of ${afterwards.length === 0 ? "nobody" : afterwards.join(", ")} after it`,
  );
  assert.deepEqual(afterwards, []);
});
