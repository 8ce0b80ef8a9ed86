import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { activeResources, assertNoLeaks } from "./no-leaks.ts";

test("an open server is a leak, a closed one is not", async () => {
  const start = activeResources();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  await assert.rejects(assertNoLeaks(start), /left resources open/);
  server.close();
  await assertNoLeaks(start);
});

test("a timer that goes on is a leak", async () => {
  const start = activeResources();
  const timer = setInterval(() => undefined, 60_000);
  await assert.rejects(assertNoLeaks(start), /Timeout/);
  clearInterval(timer);
  await assertNoLeaks(start);
});
