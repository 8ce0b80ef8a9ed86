import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { openDaemon, type RunningDaemon } from "@darner/daemon";
import { drawToken, openSigningKey, SCHEDULER_DIR, TokenFile, writeToken, type JoinToken } from "@darner/membership";
import { loadConfig, type Config, type RawConfig } from "@darner/runtime";
import { openScheduler, type RunningScheduler } from "@darner/scheduler";
import {
  capturedLog,
  openScriptedRegistry,
  openTempDir,
  randomBlob,
  type CapturedLog,
  type ScriptedRegistry,
  type TempDir,
} from "@darner/testkit";
import { until } from "../harness/shell.ts";

// Scheduler and daemons in this process, on loopback, with everything that a cluster has: TLS, tokens, admissions, denials.
const DOORS = ["mirror", "pieces", "p2p", "admin", "metrics", "grpc", "http"];
// Removal is to be felt within seconds.
const SECONDS_MS = 10_000;

let registry: ScriptedRegistry;
let dir: TempDir;
let lives: AsyncDisposableStack;
let seed = 0;
before(async () => void (registry = await openScriptedRegistry()));
after(() => registry.close());
beforeEach(async () => {
  dir = await openTempDir();
  lives = new AsyncDisposableStack();
});
afterEach(async () => {
  await lives.disposeAsync();
  await dir[Symbol.asyncDispose]();
});

function configOf(name: string, more: RawConfig): Config {
  const listen = { ...Object.fromEntries(DOORS.map((door) => [door, "127.0.0.1:0"])), ...(more["listen"] as object | undefined) };
  const tree = { registries: { [registry.host]: { plainHttp: true } }, store: { minFreeBytes: "1MiB" }, ...more, name, listen };
  const file = join(dir.path, `${name}.yaml`);
  writeFileSync(file, JSON.stringify({ dataDir: join(dir.path, name), ...tree }));
  const loaded = loadConfig({ env: {}, flags: {}, file });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config;
}

type Scheduler = { readonly running: RunningScheduler; readonly log: CapturedLog; readonly dataDir: string };

async function scheduler(name = "s", grpc = "127.0.0.1:0"): Promise<Scheduler> {
  const config = configOf(name, { listen: { grpc } });
  const log = capturedLog();
  const running = await openScheduler(config, { log });
  lives.defer(() => running[Symbol.asyncDispose]());
  return { running, log, dataDir: config.dataDir };
}

/** A token of the cluster whose scheduler keeps its files in `dataDir`. */
async function tokenOf(dataDir: string, ttlMs?: number): Promise<JoinToken> {
  const folder = join(dataDir, SCHEDULER_DIR);
  const token = drawToken((await openSigningKey(folder, undefined)).publicKey);
  const expiry = ttlMs === undefined ? {} : { expiresAt: Date.now() + ttlMs };
  await new TokenFile(join(folder, "join-tokens.json")).add(token, { description: "", ...expiry }, Date.now());
  return token;
}

type Node = { readonly running: RunningDaemon; readonly log: CapturedLog };

async function daemon(name: string, grpc: readonly string[], token: JoinToken): Promise<Node> {
  const tokenFile = join(dir.path, `${name}.token`);
  writeFileSync(tokenFile, writeToken(token).reveal());
  const log = capturedLog();
  const running = await openDaemon(configOf(name, { schedulers: grpc, advertise: "127.0.0.1", join: { tokenFile } }), { log });
  lives.defer(() => running[Symbol.asyncDispose]());
  return { running, log };
}

async function joined({ running }: Node): Promise<void> {
  await until("the daemon to find its scheduler", () => (running.status().scheduler === null ? undefined : true));
}

function said({ log }: { readonly log: CapturedLog }, field: "reason" | "message", value: string): Promise<true> {
  return until(`"${value}" in the log`, () =>
    log.lines.some((line) => (field === "message" ? line.message : line.fields["reason"]) === value) ? true : undefined,
  );
}

/** Pulls a new blob through a node; how many body bytes the registry sent for it. */
async function pull(
  { running }: Node,
  blob = registry.content.pushBlob("app", randomBlob(++seed, 600_000).bytes),
): Promise<{ digest: string; fromSource: number }> {
  const before = running.status().bytes.source;
  const response = await fetch(`http://${running.addresses.mirror}/v2/app/blobs/${blob.digest}?ns=${registry.host}`);
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(blob.bytes));
  return { digest: blob.digest, fromSource: running.status().bytes.source - before };
}

async function api(
  { running, dataDir }: Scheduler,
  method: string,
  path: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const token = readFileSync(join(dataDir, SCHEDULER_DIR, "api-token"), "utf8").trim();
  const response = await fetch(`http://${running.http}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test("members join by token and feed each other; a revoked token and a restarted scheduler with its key throw nobody out", async () => {
  const first = await scheduler();
  const { grpc } = first.running;
  const token = await tokenOf(first.dataDir);
  const [a, b] = [await daemon("a", [grpc], token), await daemon("b", [grpc], token)];
  await Promise.all([joined(a), joined(b)]);
  const blob = registry.content.pushBlob("app", randomBlob(++seed, 600_000).bytes);
  await pull(a, blob);
  assert.equal((await pull(b, blob)).fromSource, 0, "the second is fed by the first over the piece channel");
  assert.equal(b.running.status().scheduler, "s");
  await new TokenFile(join(first.dataDir, SCHEDULER_DIR, "join-tokens.json")).revoke(token.id);
  await first.running[Symbol.asyncDispose]();
  await until("the scheduler to be missed", () => (a.running.status().scheduler === null ? true : undefined));
  const again = await scheduler("s", grpc);
  await Promise.all([joined(a), joined(b)]);
  const { body } = await api(again, "GET", "/api/v1/hosts");
  assert.deepEqual(
    (body["hosts"] as { connected: boolean }[]).map(({ connected }) => connected),
    [true, true],
  );
  const late = await daemon("late", [grpc], token);
  await said(late, "reason", "not-a-member");
  await said(again, "reason", "token-unknown");
});

test("who shows another cluster's token says nothing to the scheduler; expired and wrong ones are refused by name", async () => {
  const [mine, foreign] = [await scheduler("mine"), await scheduler("foreign")];
  const { grpc } = mine.running;
  const stranger = await daemon("stranger", [grpc], await tokenOf(foreign.dataDir));
  await said(stranger, "reason", "wrong-signing-key");
  assert.equal(
    mine.log.lines.some(({ message }) => message === "host not let in"),
    false,
    "its secret was not shown",
  );
  const expired = await daemon("expired", [grpc], await tokenOf(mine.dataDir, 1));
  await said(mine, "reason", "token-expired");
  await said(expired, "reason", "not-a-member");
  const real = await tokenOf(mine.dataDir);
  await daemon("guesser", [grpc], { ...real, secret: drawToken(real.signingKey).secret });
  await said(mine, "reason", "token-wrong");
});

test("a removed host is cut off within seconds by the scheduler and its neighbours, also when the scheduler is gone, and by another one with the same key", async () => {
  const first = await scheduler();
  const { grpc } = first.running;
  const token = await tokenOf(first.dataDir);
  const [a, b] = [await daemon("a", [grpc], token), await daemon("b", [grpc], token)];
  await Promise.all([joined(a), joined(b)]);
  const begun = performance.now();
  assert.equal((await api(first, "DELETE", `/api/v1/hosts/${b.running.host}`)).status, 200);
  await until("the scheduler to be gone for the removed host", () => (b.running.status().scheduler === null ? true : undefined));
  await said(b, "reason", "removed");
  await until("the neighbour to know", () =>
    a.log.lines.some(({ message }) => message === "hosts were removed from the cluster") ? true : undefined,
  );
  assert.ok(performance.now() - begun < SECONDS_MS);
  await first.running[Symbol.asyncDispose]();
  await assert.rejects(askStatus(b, a), "libp2p");
  // Another scheduler with the same key, and nothing else of the first one's.
  const folder = join(dir.path, "t", SCHEDULER_DIR);
  mkdirSync(folder, { recursive: true });
  cpSync(join(first.dataDir, SCHEDULER_DIR, "signing.key"), join(folder, "signing.key"));
  rmSync(join(dir.path, "s"), { recursive: true, force: true });
  const second = await scheduler("t", grpc);
  await joined(a);
  await said(second, "reason", "denied");
  assert.equal(b.running.status().scheduler, null);
});

/** Asks another node's status over libp2p, through the asking node. */
async function askStatus(from: Node, to: Node): Promise<void> {
  const path = `/api/v1/hosts/${to.running.host}/status?address=${to.running.addresses.p2p}`;
  const response = await fetch(`http://${from.running.addresses.admin}${path}`);
  if (!response.ok) throw new Error(await response.text());
}

test("members ask each other over libp2p", async () => {
  const { running, dataDir } = await scheduler();
  const token = await tokenOf(dataDir);
  const [a, b] = [await daemon("a", [running.grpc], token), await daemon("b", [running.grpc], token)];
  await Promise.all([joined(a), joined(b)]);
  await askStatus(a, b);
});

test("without any scheduler two hosts with the same token know each other as members, and one with another token is none", async () => {
  const folder = join(dir.path, "keys", SCHEDULER_DIR);
  mkdirSync(folder, { recursive: true });
  const token = await tokenOf(join(dir.path, "keys"));
  const other = drawToken(token.signingKey);
  const [a, b, c] = [await daemon("a", [], token), await daemon("b", [], token), await daemon("c", [], other)];
  await askStatus(a, b);
  await assert.rejects(askStatus(c, a));
  await assert.rejects(askStatus(a, c));
});

test("a daemon without a token, and insecure doors that other machines reach, do not start and say what to do", async () => {
  const log = capturedLog();
  await assert.rejects(openDaemon(configOf("none", { schedulers: ["127.0.0.1:1"] }), { log }), /darner token create/);
  await assert.rejects(
    openDaemon(configOf("open", { join: { insecure: true }, listen: { pieces: "0.0.0.0:0" } }), { log }),
    /insecureForEverybodyWhoReachesThisHost/,
  );
  await assert.rejects(
    openScheduler(configOf("wide", { join: { insecure: true }, listen: { grpc: "0.0.0.0:0" } }), { log }),
    /listen\.grpc/,
  );
});
