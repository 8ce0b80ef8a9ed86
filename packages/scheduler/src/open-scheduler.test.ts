import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { openSigningKey } from "@darner/membership";
import { loadConfig, silentLog } from "@darner/runtime";
import { noLeaks, openTempDir } from "@darner/testkit";
import { openScheduler, type RunningScheduler } from "./open-scheduler.ts";

noLeaks();

const TOKEN = "a-token-of-the-api";
const MINUTE = 60_000;
const PATIENCE_MS = 20_000;

type Answer = { readonly status: number; readonly json: unknown };

/** Addresses where nobody listens yet: schedulers are told of each other before they run. */
async function freeAddresses(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports.map((port) => `127.0.0.1:${String(port)}`);
}

/** A scheduler as it is configured in a cluster of several: members only, its keys in files that all of them have. */
function open(dir: string, schedulers: readonly string[], at: number): Promise<RunningScheduler> {
  const given = {
    name: `scheduler-${String(at)}`,
    dataDir: join(dir, `data-${String(at)}`),
    schedulers,
    listen: { grpc: schedulers[at] ?? "", http: "127.0.0.1:0" },
    join: { signingKeyFile: join(dir, "signing.key") },
    api: { tokenFile: join(dir, "tokens") },
  };
  const loaded = loadConfig({ env: {}, flags: {}, defaults: () => given });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return openScheduler(loaded.config, { log: silentLog });
}

async function ask({ http }: RunningScheduler, method: string, path: string, body?: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${TOKEN}`, ...(body !== undefined && { "content-type": "application/json" }) };
  const answer = await fetch(`http://${http}${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  return { status: answer.status, json: await answer.json() };
}

/** The first answer that is as wanted, or the last one within a while. */
async function askUntil(at: RunningScheduler, method: string, path: string, isWanted: (answer: Answer) => boolean): Promise<Answer> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask(at, method, path);
    if (isWanted(answer) || Date.now() > until) return answer;
  }
}

const images = ({ json }: Answer): readonly string[] => (json as { images: readonly string[] }).images;

const state = ({ json }: Answer): string => (json as { state: string }).state;

test("schedulers of one signing key answer for each other's jobs over TLS, and for one that is gone say that its job is under way", async () => {
  await using dir = await openTempDir();
  await openSigningKey(dir.path, undefined);
  await writeFile(join(dir.path, "tokens"), `${TOKEN}\n`);
  const schedulers = await freeAddresses(2);
  await using first = await open(dir.path, schedulers, 0);
  const second = await open(dir.path, schedulers, 1);
  const asked = await ask(second, "POST", "/api/v1/jobs", { images: ["harbor.corp/team/app:v1"], deadlineSeconds: 20 * 60 });
  const { id } = asked.json as { id: number };
  assert.deepEqual([asked.status, id % 16], [201, 1]);
  const there = await ask(second, "GET", `/api/v1/jobs/${String(id)}`);
  // The first asked for the second before it was there: until gRPC dials again, within a second, it counts as one that is away.
  const here = await askUntil(first, "GET", `/api/v1/jobs/${String(id)}`, (answer) => images(answer).length > 0);
  assert.deepEqual(here, there);
  assert.deepEqual([here.status, state(here)], [200, "pending"]);
  const own = (await ask(first, "POST", "/api/v1/jobs", { images: ["harbor.corp/team/other:v1"] })).json as { id: number };
  assert.equal(own.id % 16, 0);
  await second[Symbol.asyncDispose]();
  const paths = [`/oapi/v1/jobs/${String(id)}`, "/oapi/v1/jobs/16001"];
  for (const path of paths) {
    const { status, json } = await ask(first, "GET", path);
    assert.equal(status, 200);
    const { state: word, result, created_at: created } = json as { state: string; result: unknown; created_at: string };
    assert.deepEqual([word, result, Date.parse(created) > Date.now() - MINUTE], ["PENDING", null, true]);
  }
  assert.equal((await ask(first, "DELETE", `/oapi/v1/jobs/${String(id)}`)).status, 503);
  assert.equal((await ask(first, "GET", "/oapi/v1/jobs/160")).status, 404, "an id of its own that it never gave");
  await using again = await open(dir.path, schedulers, 1);
  assert.equal((await ask(again, "GET", `/api/v1/jobs/${String(id)}`)).status, 200, "it was kept");
  // gRPC dials again within a second.
  const ended = await askUntil(first, "DELETE", `/oapi/v1/jobs/${String(id)}`, ({ status }) => status !== 503);
  assert.equal(ended.status, 200);
  assert.equal((await ask(again, "GET", `/oapi/v1/jobs/${String(id)}`)).status, 404);
});
