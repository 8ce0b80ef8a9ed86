import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { openScheduler } from "@darner/scheduler";
import { loadConfig, silentLog, upDefaults } from "@darner/runtime";
import { noLeaks, openTempDir } from "@darner/testkit";
import { runHere } from "../../test/run-here.ts";
import { openSmallCluster } from "../../test/small-cluster.ts";
import type { Finding } from "./finding.ts";
import { pathChecks } from "./path-checks.ts";

noLeaks();

/** A server of HTTP/2 without TLS that treats each request as it is told. */
async function openServer(onStream: (stream: ServerHttp2Stream, path: string) => void): Promise<AsyncDisposable & { address: string }> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    onStream(stream, headers[":path"] ?? "");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const close = async (): Promise<void> => {
    for (const session of sessions) session.destroy();
    await new Promise((closed) => {
      server.close(closed);
    });
  };
  return { address: `127.0.0.1:${String((server.address() as AddressInfo).port)}`, [Symbol.asyncDispose]: close };
}

const told = (findings: readonly Finding[]): unknown => findings.map(({ id, severity }) => [id, severity]);

for (const secure of [true, false]) {
  test(`a real scheduler ${secure ? "behind TLS" : "without TLS"} tells its time and sends full packets back to somebody who is no member`, async () => {
    await using dir = await openTempDir();
    const listen = { grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
    const defaults = upDefaults(dir.path);
    const loaded = loadConfig({
      env: {},
      flags: {},
      defaults: (given) => ({
        ...defaults(given),
        listen: { ...(defaults(given)["listen"] as object), ...listen },
        join: { insecure: !secure },
      }),
    });
    assert.ok(loaded.ok, JSON.stringify(loaded));
    await using scheduler = await openScheduler(loaded.config, { log: silentLog });
    const findings = await pathChecks(scheduler.grpc);
    assert.deepEqual(told(findings), [
      ["clock.skew", "ok"],
      ["network.mtu", "ok"],
    ]);
    assert.match(findings[1]?.finding ?? "", /come to 127\.0\.0\.1:\d+ and back, over lo with an MTU of \d+/);
  });
}

test("the doctor looks at the way to the scheduler that its daemon follows", async () => {
  await using cluster = await openSmallCluster();
  const [{ addresses }] = cluster.daemons;
  const { out } = await runHere(["doctor", "--json", "--no-node", "--admin", addresses.admin, "--mirror", addresses.mirror]);
  const { ok, items } = JSON.parse(out) as { ok: boolean; items: Finding[] };
  assert.ok(ok);
  for (const id of ["scheduler.followed", "clock.skew", "network.mtu"])
    assert.deepEqual(
      items.filter((item) => item.id === id).map(({ severity }) => severity),
      ["ok"],
      id,
    );
});

test("a clock that is off is a warning, one that is minutes off a fault, each with its next step", async () => {
  for (const [offMs, severity, says] of [
    [1000, "ok", /agree/],
    [40_000, "warning", /is 4[01] s ahead of/],
    [-600_000, "error", /is (?:599|600|601) s behind/],
  ] as const) {
    await using server = await openServer((stream) => {
      stream.respond({ ":status": 200, date: new Date(Date.now() - offMs).toUTCString() }, { endStream: true });
    });
    const [clock] = await pathChecks(server.address);
    assert.equal(clock?.severity, severity);
    assert.match(clock.finding, says);
    assert.equal(clock.fix.includes("NTP"), severity !== "ok");
  }
});

test("a network that lets small packets through and swallows full ones is named, with what to change", async () => {
  await using server = await openServer((stream, path) => {
    if (path.length < 1000) stream.respond({ ":status": 200 }, { endStream: true });
    // What does not arrive is not answered; here the end comes sooner than the wait for it.
    else stream.session?.destroy();
  });
  const [, size] = await pathChecks(server.address);
  assert.equal(size?.id, "network.mtu");
  assert.equal(size.severity, "error");
  assert.match(size.fix, /set the MTU of the network plug-in/);
});

test("where nobody answers nothing is said of the way: that is another check's", async () => {
  assert.deepEqual(await pathChecks("127.0.0.1:1"), []);
});
