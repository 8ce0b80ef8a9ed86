import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { hostIdOf } from "@darner/domain";
import { openRegistryClient, type ResolvedAddress } from "@darner/registry-client";
import { createCounter, createRegistry, silentLog, systemClock, type Config } from "@darner/runtime";
import { capturedLog, noLeaks, openScriptedRegistry, openTempDir, type FaultAction, type ScriptedRegistry } from "@darner/testkit";
import { allRoutes } from "../http/all-routes.ts";
import { openApiTokens } from "../http/api-tokens.ts";
import { openHttp } from "../http/open-http.ts";
import { JobStore } from "../job-store/job-store.ts";
import { HostBook } from "../members/host-book.ts";
import { createSchedulerMetrics } from "../metrics.ts";
import { PreheatJobs, type WarmSwarm } from "./preheat-jobs.ts";

noLeaks();

const TOKEN = "pull-token";
// Names an admin never listed, and what a resolver says of them.
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "inside.example": ["10.96.0.1"],
  "metadata.example": ["169.254.169.254"],
  "home.example": ["127.0.0.1"],
  // Rebinding: nothing is there at first, and then this very machine.
  "rebind.example": ["198.51.100.1", "127.0.0.1"],
};

type Bench = AsyncDisposable & {
  readonly registry: ScriptedRegistry;
  /** A port of this machine that nobody may be made to dial, and how often somebody did. */
  readonly port: number;
  dialled(): number;
  ask(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>;
  over(id: number): Promise<string>;
};

/** The scheduler's HTTP side over real jobs and a real client; only the resolver is the test's. */
async function openBench(): Promise<Bench> {
  await using births = new AsyncDisposableStack();
  const dir = births.use(await openTempDir());
  const registry = births.use(await openScriptedRegistry());
  let dialled = 0;
  const inside = createServer((socket) => {
    dialled += 1;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  births.defer(
    () =>
      new Promise<void>((resolve) =>
        inside.close(() => {
          resolve();
        }),
      ),
  );
  await once(inside, "listening");
  const { port } = inside.address() as AddressInfo;
  const asked = new Map<string, number>();
  const lookup = (name: string): Promise<ResolvedAddress[]> => {
    const turn = asked.get(name) ?? 0;
    asked.set(name, turn + 1);
    const all = NAMES[name] ?? ["127.0.0.1"];
    return Promise.resolve([{ address: all[Math.min(turn, all.length - 1)] ?? "127.0.0.1", family: 4 }]);
  };
  const registries = { [registry.host]: { plainHttp: true } };
  const client = openRegistryClient({ registries, timeouts: { connectMs: 50 } }, { log: capturedLog(), lookup });
  births.defer(() => client.close());
  const store = births.use(await JobStore.open({ dataDir: dir.path, ordinal: 0, keepMs: 60_000 }, silentLog));
  const live = [{ host: hostIdOf("n1"), name: "n1", ip: "10.0.0.1", zone: "", labels: {}, seed: false, platform: "linux/amd64" }];
  const swarm: WarmSwarm = { warm: () => undefined, release: () => undefined, holds: () => [], live: () => live };
  const metrics = createRegistry();
  const { preheat } = createSchedulerMetrics(metrics);
  const clocks = { timers: systemClock, wallNow: () => performance.now() };
  const jobs = births.use(new PreheatJobs({ store, client, swarm, ...clocks, log: silentLog, metrics: preheat, isPlain: () => false }));
  for (const host of live) jobs.post({ type: "host-joined", host });
  const tokens = join(dir.path, "tokens");
  await writeFile(tokens, "right\n");
  const config = {
    api: { prefix: "", notificationScope: "all_peers" },
    registries,
    listen: { http: "127.0.0.1:0" },
  } as unknown as Config;
  const members = { book: new HostBook(10), remove: () => Promise.resolve("removed" as const) };
  const routes = allRoutes(config, {
    registry: metrics,
    ready: () => ({ ready: true }),
    jobs,
    members,
    core: { swarms: () => [] },
    metrics: preheat,
  });
  const requests = createCounter(metrics, "test_requests_total", "x", ["face", "status"]);
  const apiTokens = await openApiTokens(dir.path, { tokenFile: tokens }, silentLog);
  const http = births.use(await openHttp(config, { routes, tokens: apiTokens, log: silentLog, requests }));
  const lives = births.move();
  return {
    registry,
    port,
    dialled: () => dialled,
    ask: async (method, path, body) => {
      const headers = { authorization: "Bearer right", ...(body === undefined ? {} : { "content-type": "application/json" }) };
      const answer = await fetch(`http://${http.address}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: (await answer.json()) as Readonly<Record<string, unknown>> };
    },
    over: async (id) => {
      let last: { state: string; error?: string } | undefined;
      for await (const job of jobs.watch(id, AbortSignal.timeout(20_000))) last = job;
      return `${last?.state ?? ""}: ${last?.error ?? ""}`;
    },
    [Symbol.asyncDispose]: () => lives.disposeAsync(),
  };
}

/** The four ways to ask for a preheat; each gives how it ended. */
const FACES: Readonly<Record<string, (bench: Bench, host: string, scheme: string) => Promise<string>>> = {
  dragonfly: (bench, host, scheme) => {
    const args = { type: "image", url: `${scheme}://${host}/v2/a/b/manifests/v1`, headers: { Authorization: `Bearer ${TOKEN}` } };
    return ended(bench, "/oapi/v1/jobs", { type: "preheat", args: { ...args, scope: "all_peers" } });
  },
  legacy: (bench, host, scheme) => {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    return ended(bench, "/preheats", { type: "image", url: `${scheme}://${host}/v2/a/b/manifests/v1`, headers });
  },
  kraken: (bench, host, scheme) => {
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const target = { mediaType, url: `${scheme}://${host}/v2/a/b/manifests/v1`, tag: "v1" };
    return ended(bench, "/registry/notifications", { events: [{ action: "push", target }] });
  },
  native: (bench, host) => ended(bench, "/api/v1/jobs", { images: [`${host}/a/b:v1`], credential: { token: TOKEN } }),
};

async function ended(bench: Bench, path: string, body: unknown): Promise<string> {
  const { status, body: answer } = await bench.ask("POST", path, body);
  if (status >= 400) return `${String(status)}: ${JSON.stringify(answer)}`;
  return bench.over(Number(answer["id"]));
}

const LURES: readonly ((host: string) => FaultAction)[] = ["http", "https"].flatMap((scheme) => [
  (host: string): FaultAction => ({ kind: "redirect", to: { location: `${scheme}://${host}/v2/a/b/manifests/v1` } }),
  (host: string): FaultAction => ({
    kind: "status",
    status: 401,
    headers: { "www-authenticate": `Bearer realm="${scheme}://${host}/token",service="x"` },
  }),
]);

for (const [face, preheat] of Object.entries(FACES)) {
  test(`a preheat asked for over the ${face} face dials no inside address, whatever its URL names`, async () => {
    await using bench = await openBench();
    const port = String(bench.port);
    const hosts = [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `[::1]:${port}`,
      `[::ffff:127.0.0.1]:${port}`,
      "169.254.169.254",
      "metadata.google.internal",
      "10.1.2.3",
      "192.168.0.1",
      "0.0.0.0",
      "2130706433",
      "0x7f.1",
      "inside.example",
      "metadata.example",
      `home.example:${port}`,
      `rebind.example:${port}`,
      `rebind.example:${port}`,
    ];
    for (const host of hosts) {
      const end = await preheat(bench, host, "https");
      assert.match(end, /^(?:failed|4[0-9][0-9]|50[0-9])/, `${host}: ${end}`);
      assert.ok(!end.includes(TOKEN));
    }
    assert.equal(bench.dialled(), 0);
  });

  test(`a preheat asked for over the ${face} face follows no redirect and no token realm to inside addresses, with or without the job's token`, async () => {
    for (const lureOf of LURES) {
      // A realm that was refused once is refused again without a request: each lure has a client of its own.
      await using bench = await openBench();
      for (const host of [`127.0.0.1:${String(bench.port)}`, "169.254.169.254", `home.example:${String(bench.port)}`]) {
        const fault = bench.registry.fault({ when: { kind: "manifest" }, do: lureOf(host) });
        const end = await preheat(bench, bench.registry.host, "http");
        fault.remove();
        assert.match(end, /^(?:failed|4[0-9][0-9]|50[0-9])/, `${JSON.stringify(lureOf(host))}: ${end}`);
      }
      assert.ok(bench.registry.requests.length > 0);
      assert.equal(bench.dialled(), 0);
    }
  });
}
