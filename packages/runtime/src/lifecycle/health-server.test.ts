import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { formatAddress } from "../listen-address.ts";
import { silentLog } from "../log.ts";
import { createCounter, Registry } from "../metrics.ts";
import { StoppedClock } from "../stopped-clock.ts";
import { openHealthServer } from "./health-server.ts";
import type { HealthOptions, HealthServer, ReadyState } from "./health-server.ts";

function open(options: Partial<HealthOptions> = {}): Promise<HealthServer> {
  const given: HealthOptions = { registry: new Registry(), ready: () => ({ ready: true }), log: silentLog, ...options };
  return openHealthServer("127.0.0.1:0", "listen.metrics", given);
}

function ask(server: HealthServer, path: string, method = "GET"): Promise<Response> {
  return fetch(`http://${formatAddress(server.address)}${path}`, { method, headers: { connection: "close" } });
}

test("a process is alive as long as it answers, ready when it says so", async () => {
  let state: ReadyState = { ready: false, reasons: ["scheduler not reached"] };
  await using server = await open({ ready: () => state });
  assert.equal((await ask(server, "/livez")).status, 200);
  const waiting = await ask(server, "/readyz");
  assert.equal(waiting.status, 503);
  assert.deepEqual(await waiting.json(), { ready: false, reasons: ["scheduler not reached"] });
  state = { ready: true };
  assert.equal((await ask(server, "/readyz?verbose")).status, 200);
});

test("metrics come as Prometheus reads them", async () => {
  const registry = new Registry();
  createCounter(registry, "darner_x_total", "Xs.").inc(3);
  await using server = await open({ registry });
  const answer = await ask(server, "/metrics");
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  assert.match(await answer.text(), /^darner_x_total 3$/m);
});

test("a HEAD gets the headers of the GET without its body", async () => {
  await using server = await open();
  const head = await ask(server, "/livez", "HEAD");
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-length"), "3");
  assert.equal(await head.text(), "");
});

test("there is nothing else, and nothing but GET and HEAD", async () => {
  await using server = await open();
  for (const path of ["/", "/healthy", "/livez/", "//livez", "/constructor", "/..%2fmetrics"]) {
    assert.equal((await ask(server, path)).status, 404, path);
  }
  const refused = await ask(server, "/metrics", "POST");
  assert.equal(refused.status, 405);
  assert.equal(refused.headers.get("allow"), "GET, HEAD");
});

test("a process can have routes of its own, and one that fails is a 500", async () => {
  const healthy = { status: 200, contentType: "application/json", body: '"OK"' };
  const extraRoutes = { "/healthy": () => healthy, "/broken": () => Promise.reject(new Error("broken")) };
  await using server = await open({ extraRoutes });
  assert.equal(await (await ask(server, "/healthy")).text(), '"OK"');
  const broken = await ask(server, "/broken");
  assert.equal(broken.status, 500);
  assert.doesNotMatch(await broken.text(), /broken/);
});

test("closing does not wait for a client that keeps its connection", async () => {
  const server = await open();
  const kept = await fetch(`http://${formatAddress(server.address)}/livez`);
  await kept.text();
  await server[Symbol.asyncDispose]();
  await assert.rejects(ask(server, "/livez"));
});

test("one client address keeps nobody out: its connections and requests are bounded", async () => {
  await using server = await open({ countsLoopback: true, clock: new StoppedClock() });
  const held = Array.from({ length: 16 }, () => connect({ ...server.address }));
  for (const socket of held) await once(socket, "connect");
  const one = connect({ ...server.address });
  one.on("error", () => {});
  one.resume();
  await once(one, "close");
  for (const socket of held) {
    socket.destroy();
    await once(socket, "close");
  }
  const statuses: number[] = [];
  while (statuses.length < 220) statuses.push(await statusOf(server));
  assert.deepEqual([statuses.filter((status) => status === 200).length, statuses.at(-1)], [200, 503]);
});

/** Until the server has noticed that the others are gone it may turn a connection away. */
async function statusOf(server: HealthServer): Promise<number> {
  for (;;) {
    const answer = await ask(server, "/livez").catch(() => undefined);
    if (answer === undefined) continue;
    await answer.text();
    return answer.status;
  }
}
