import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { runProcess, runUnread } from "../test/run-here.ts";

// Prints every file the process imports, at its end, on standard error.
const LIST_IMPORTS = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  import { writeSync } from "node:fs";
  const urls = [];
  registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
  process.on("exit", () => writeSync(2, urls.join("\\n")));
`)}`;

test("a process ends with the command's exit code: 0 done, 1 failed, 2 wrong usage", async () => {
  const [done, failed, wrong] = await Promise.all([
    runProcess(["version"]),
    // Port 1 of loopback: nobody listens there.
    runProcess(["status", "--admin", "127.0.0.1:1"]),
    runProcess(["verson"]),
  ]);
  assert.equal(done.code, 0);
  assert.match(done.out, /^darner \d+\.\d+\.\d+\n$/);
  assert.equal(done.err, "");
  assert.equal(failed.code, 1);
  assert.match(failed.err, /^darner: no daemon answers at 127\.0\.0\.1:1: .*--admin\.\n$/);
  assert.equal(failed.out, "");
  assert.equal(wrong.code, 2);
});

test("version and status import nothing of the daemon, the scheduler, the runtime or their libraries", async () => {
  for (const argv of [["version"], ["status", "--admin", "127.0.0.1:1"], ["help"]]) {
    const { err } = await runProcess(argv, ["--import", LIST_IMPORTS]);
    const files = err.split("\n").filter((line) => line.startsWith("file:"));
    assert.ok(
      files.some((url) => url.endsWith("/cli/src/main.ts")),
      "the list of imports is there",
    );
    assert.deepEqual(
      files.filter((url) => !url.includes("/packages/cli/src/")),
      [],
      argv.join(" "),
    );
  }
});

test("a reader that went away is no error", async () => {
  for (const argv of [["help", "up"], ["version"]]) {
    const { code, err } = await runUnread(argv);
    assert.equal(err, "");
    assert.equal(code, 0);
  }
});

test("what answers but is no daemon is told apart from silence", async () => {
  const server = createServer((_, response) => response.end("<html>"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { code, err } = await runProcess(["status", "--admin", `127.0.0.1:${String(port)}`]);
  server.close();
  assert.equal(code, 1);
  assert.match(err, /is no daemon's local API/);
});
