import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { capturedLog, noLeaks } from "@darner/testkit";
import { openAdminServer, type AdminDeps } from "./admin-api.ts";
import type { DaemonStatus } from "./status.ts";

noLeaks();

const REPORT = { state: "held", probe: "arrived", problem: "" };
const HOST = `12D3KooW${"a".repeat(44)}`;
const JSON_TYPE = { "content-type": "application/json" };

type Asked = { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };
type Bench = AsyncDisposable & {
  readonly reports: unknown[];
  readonly asked: string[];
  ask(path: string, how?: Asked): Promise<{ readonly status: number; readonly body: { readonly error?: string } }>;
};

async function openBench(more: Partial<AdminDeps> = {}): Promise<Bench> {
  const [reports, asked]: [unknown[], string[]] = [[], []];
  const server = await openAdminServer("127.0.0.1:0", {
    log: capturedLog(),
    status: () => ({ name: "n1" }) as DaemonStatus,
    explain: () => undefined,
    askHost: (host, address) => Promise.resolve(asked.push(`${host} ${address}`)),
    sawProbe: (registry) => registry === "probe.invalid",
    takeReport: (report) => report !== undefined && reports.push(report) > 0,
    ...more,
  });
  return {
    reports,
    asked,
    // A client that says what it is told to in its Host, as a browser says the name of its page.
    ask: async (path, { method = "GET", headers = {}, body = "" } = {}) => {
      const sent = request(`http://${server.address}${path}`, { method, headers, agent: false });
      sent.end(body);
      const [answer] = (await once(sent, "response")) as [AsyncIterable<Buffer> & { readonly statusCode: number }];
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part);
      return { status: answer.statusCode, body: JSON.parse(Buffer.concat(parts).toString()) as { error?: string } };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

test("a report of node set-up is taken as JSON, of some KiB at most; whatever else is sent leaves nothing behind but a sentence", async () => {
  await using bench = await openBench();
  const put = (body: string, headers: Readonly<Record<string, string>> = JSON_TYPE): ReturnType<Bench["ask"]> =>
    bench.ask("/api/v1/node-setup", { method: "PUT", headers, body });
  assert.equal((await put(JSON.stringify(REPORT))).status, 200);
  assert.deepEqual(bench.reports, [REPORT]);
  for (const [body, headers] of [
    // What a page of another origin may send without being asked first is no JSON.
    [JSON.stringify(REPORT), { "content-type": "text/plain" }],
    [JSON.stringify(REPORT), {}],
    [JSON.stringify({ ...REPORT, problem: "x".repeat(20_000) }), JSON_TYPE],
    ["{", JSON_TYPE],
    ["", JSON_TYPE],
  ] as const) {
    const { status, body: said } = await put(body, headers);
    assert.equal(status, 400);
    assert.match(said.error ?? "", /no report of node set-up/);
  }
  assert.equal(bench.reports.length, 1);
});

test("who asks by a name, as a page does that has its name point to this host, is told nothing and changes nothing", async () => {
  await using bench = await openBench();
  for (const host of ["evil.example", "evil.example:4104", "127.0.0.1.evil.example", "localhost.evil.example", "[::1].evil.example"]) {
    const read = await bench.ask("/api/v1/status", { headers: { host } });
    const written = await bench.ask("/api/v1/node-setup", { method: "PUT", headers: { ...JSON_TYPE, host }, body: JSON.stringify(REPORT) });
    assert.deepEqual([read.status, written.status], [403, 403], host);
    assert.match(read.body.error ?? "", /by address/);
  }
  for (const host of ["127.0.0.1:4104", "[::1]:4104", "localhost:4104", "10.0.0.7"])
    assert.equal((await bench.ask("/api/v1/status", { headers: { host } })).status, 200, host);
  assert.deepEqual(bench.reports, []);
});

test("only what is listed is answered: other methods and paths, ids and digests that are none are refused with a sentence", async () => {
  await using bench = await openBench();
  const refused: readonly (readonly [number, string, string])[] = [
    [405, "POST", "/api/v1/status"],
    [405, "DELETE", "/api/v1/node-setup"],
    [405, "PUT", "/api/v1/status"],
    [404, "GET", "/"],
    [404, "GET", "/api/v1/node-setup"],
    [404, "GET", "/api/v1/probes/..%2fstatus"],
    [400, "GET", "/api/v1/blobs/sha256:1"],
    [404, "GET", `/api/v1/blobs/sha256:${"a".repeat(64)}`],
    [400, "GET", "/api/v1/hosts/nobody/status?address=10.0.0.1:4103"],
    [400, "GET", `/api/v1/hosts/${HOST}/status`],
  ];
  for (const [status, method, path] of refused) {
    const answer = await bench.ask(path, { method });
    assert.deepEqual([path, answer.status], [path, status]);
    assert.ok((answer.body.error ?? "").length > 10, path);
  }
  assert.deepEqual(bench.asked, []);
  assert.equal((await bench.ask("/api/v1/probes/probe.invalid")).status, 200);
});

test("another host that does not answer is a 502 that says so, and a line in the log", async () => {
  const log = capturedLog();
  await using bench = await openBench({ log, askHost: () => Promise.reject(new Error("no route")) });
  const { status, body } = await bench.ask(`/api/v1/hosts/${HOST}/status?address=10.0.0.1:4103`);
  assert.equal(status, 502);
  assert.match(body.error ?? "", /10\.0\.0\.1:4103 did not answer: no route/);
  assert.match(log.text(), /host did not tell its status/);
});
