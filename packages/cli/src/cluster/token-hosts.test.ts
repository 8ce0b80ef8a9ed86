import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { noLeaks, openTempDir } from "@darner/testkit";
import { openScheduler } from "@darner/scheduler";
import { loadConfig, silentLog, upDefaults } from "@darner/runtime";
import { runHere } from "../../test/run-here.ts";

noLeaks();

const TOKEN = /^DARNER-1-\S+$/;

test("a token is created, shown once, listed without its secret and revoked; several are valid at once", async () => {
  await using dir = await openTempDir();
  const token = (...words: string[]): ReturnType<typeof runHere> => runHere(["token", ...words, "--dataDir", dir.path]);
  const [one, two] = [await token("create", "--description", "racks"), await token("create", "--ttl", "7d")];
  for (const { code, out } of [one, two]) {
    assert.equal(code, 0);
    assert.match(out.trim(), TOKEN);
  }
  assert.match(one.err, /it is not shown again/);
  const file = join(dir.path, "scheduler", "join-tokens.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const listed = JSON.parse((await token("list", "--json")).out) as {
    fingerprint: string;
    tokens: { id: string; description: string; expiresAt: string | null }[];
  };
  assert.deepEqual(
    listed.tokens.map(({ description, expiresAt }) => [description, expiresAt === null]),
    [
      ["racks", true],
      ["", false],
    ],
  );
  const plain = await token("list");
  assert.match(plain.out, /^fingerprint \S+\n/);
  for (const { out } of [one, two]) {
    const secret = out.trim().split("-").at(-2) ?? "";
    assert.ok(secret.length > 20 && !plain.out.includes(secret) && !readFileSync(file, "utf8").includes(secret));
  }
  const [{ id } = { id: "" }] = listed.tokens;
  assert.match((await token("revoke", id)).out, /lets nobody join any more/);
  const again = await token("revoke", id);
  assert.deepEqual([again.code, again.out], [1, ""]);
  assert.match(again.err, /there is no token/);
  assert.equal((JSON.parse((await token("list", "--json")).out) as { tokens: unknown[] }).tokens.length, 1);
});

test("a list without tokens says how to make one; wrong words and wrong times are told, and nothing is made", async () => {
  await using dir = await openTempDir();
  const token = (...words: string[]): ReturnType<typeof runHere> => runHere(["token", ...words, "--dataDir", dir.path]);
  assert.match((await token("list")).out, /no tokens: darner token create/);
  for (const words of [
    [],
    ["make"],
    ["revoke"],
    ["list", "x"],
    ["create", "x"],
    ["create", "--ttl", "soon"],
    ["create", "--ttl", "999999d"],
  ]) {
    const { code, out, err } = await token(...words);
    assert.deepEqual([code, out], [2, ""], words.join(" "));
    assert.notEqual(err, "");
  }
  assert.deepEqual((JSON.parse((await token("list", "--json")).out) as { tokens: unknown[] }).tokens, []);
});

test("hosts are listed and removed over the scheduler's API; what is no host, or no scheduler, is told", async () => {
  await using dir = await openTempDir();
  const listen = Object.fromEntries(["mirror", "pieces", "p2p", "admin", "metrics", "grpc", "http"].map((door) => [door, "127.0.0.1:0"]));
  const defaults = upDefaults(dir.path);
  const loaded = loadConfig({ env: {}, flags: {}, defaults: (given) => ({ ...defaults(given), listen, schedulers: [] }) });
  assert.ok(loaded.ok);
  const { dataDir } = loaded.config;
  const running = await openScheduler(loaded.config, { log: silentLog });
  const api = `http://${running.http}`;
  const hosts = (...words: string[]): ReturnType<typeof runHere> => runHere(["hosts", ...words, "--api", api, "--dataDir", dataDir]);
  try {
    assert.deepEqual(await hosts("list"), { code: 0, out: "no hosts\n", err: "" });
    assert.deepEqual(JSON.parse((await hosts("list", "--json")).out), { hosts: [] });
    for (const words of [[], ["remove"], ["list", "x"], ["drop", "x"]]) assert.equal((await hosts(...words)).code, 2, words.join(" "));
    const { code, out, err } = await hosts("remove", "nobody");
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /the scheduler answered 400: the path needs a whole host id/);
    const anybody = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    assert.match((await hosts("remove", anybody)).err, /the scheduler answered 409: everybody is let in here/);
  } finally {
    await running[Symbol.asyncDispose]();
  }
  const away = await hosts("list");
  assert.equal(away.code, 1);
  assert.match(away.err, /no scheduler answers at/);
});

test("who wants so many hosts waits for a scheduler that is not ready, and for nobody who says no", async () => {
  await using dir = await openTempDir();
  const answers = [503, 200, 401];
  const row = { host: "h", name: "n1", address: "10.0.0.1:4102", via: "", connected: true, lastSeenAt: 0 };
  let asked = 0;
  const server = createServer((_, response) => {
    const status = answers[asked] ?? 500;
    asked += 1;
    response.writeHead(status).end(JSON.stringify(status === 200 ? { hosts: [row] } : { error: "not yet" }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const api = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const tokenFile = join(dir.path, "token");
  writeFileSync(tokenFile, "t\n");
  const list = (): ReturnType<typeof runHere> => runHere(["hosts", "list", "--at-least", "1", "--api", api, "--token-file", tokenFile]);
  try {
    assert.equal((await list()).code, 0);
    assert.equal(asked, 2);
    assert.match((await list()).err, /answered 401/);
    assert.equal(asked, 3);
  } finally {
    server.closeAllConnections();
    await once(server.close(), "close");
  }
});
