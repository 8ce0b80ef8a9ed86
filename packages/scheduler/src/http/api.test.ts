import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog, StartError } from "@darner/runtime";
import { noLeaks, openTempDir } from "@darner/testkit";
import { HostBook } from "../members/host-book.ts";
import { Api } from "./api.ts";
import { openApiTokens } from "./api-tokens.ts";
import { hostRoutes } from "./host-routes.ts";

noLeaks();

const HOST = `12D3KooW${"a".repeat(44)}`;

function asked(method: string, url: string, token?: string): IncomingMessage {
  return { method, url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } } as unknown as IncomingMessage;
}

test("every route of the table wants a token, and without one nobody learns which routes there are", async () => {
  await using dir = await openTempDir();
  const path = join(dir.path, "tokens");
  await writeFile(path, "old\n\n new \n");
  const removed: string[] = [];
  const remove = (host: string): Promise<"removed"> => {
    removed.push(host);
    return Promise.resolve("removed");
  };
  const routes = hostRoutes({ book: new HostBook(10), remove });
  const api = new Api(routes, await openApiTokens(dir.path, path, silentLog), silentLog);
  for (const { method, path: pattern } of api.routes) {
    const url = pattern.replaceAll(/\{\w+\}/g, HOST);
    for (const token of [undefined, "", "wrong", "old new", "OLD"])
      assert.equal((await api.answer(asked(method, url, token)))?.status, 401, url);
    for (const token of ["old", "new"]) assert.equal((await api.answer(asked(method, url, token)))?.status, 200, url);
  }
  assert.deepEqual(removed, [HOST, HOST]);
  assert.deepEqual(
    await Promise.all(["/api/v1/hosts", "/api/v1/nothing"].map(async (url) => (await api.answer(asked("GET", url)))?.body)),
    Array.from({ length: 2 }, () => '{"error":"a Bearer token is needed: api.tokenFile"}\n'),
  );
  assert.equal((await api.answer(asked("GET", "/api/v1/nothing", "old")))?.status, 404);
  assert.equal((await api.answer(asked("POST", "/api/v1/hosts", "old")))?.status, 405);
  assert.equal((await api.answer(asked("DELETE", "/api/v1/hosts/nobody", "old")))?.status, 400);
  assert.equal(await api.answer(asked("GET", "/else")), undefined);
  await writeFile(path, "rotated\n");
  assert.equal((await api.answer(asked("GET", "/api/v1/hosts", "old")))?.status, 401, "without a restart");
  assert.equal((await api.answer(asked("GET", "/api/v1/hosts", "rotated")))?.status, 200);
});

test("a token is made where none is given; a given file must be there and hold one", async () => {
  await using dir = await openTempDir();
  await openApiTokens(dir.path, undefined, silentLog);
  const made = await openApiTokens(dir.path, undefined, silentLog);
  const { readFile, stat } = await import("node:fs/promises");
  const token = (await readFile(join(dir.path, "api-token"), "utf8")).trim();
  assert.equal((await stat(join(dir.path, "api-token"))).mode & 0o777, 0o600);
  assert.equal(await made.opens(`Bearer ${token}`), true);
  const refused = (error: unknown): boolean => error instanceof StartError && error.detail.code === "file-unusable";
  await assert.rejects(openApiTokens(dir.path, join(dir.path, "none"), silentLog), refused);
  await writeFile(join(dir.path, "empty"), "\n");
  await assert.rejects(openApiTokens(dir.path, join(dir.path, "empty"), silentLog), refused);
});
