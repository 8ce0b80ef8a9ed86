import assert from "node:assert/strict";
import { test } from "node:test";
import { startChild } from "../../test/child.ts";

const CHILD = "process-child.ts";

test("a process asked to end closes what it opened in reverse order and exits with 0", async () => {
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    await using child = startChild(CHILD, "runs");
    await child.said("open\n");
    child.process.kill(name);
    const end = await child.ended;
    assert.equal(end.code, 0);
    assert.equal(end.stdout, "open\nsecond closed\nfirst closed\nover\n");
    assert.equal(end.stderr, "");
  }
});

test("a process that cannot start says what to do in one line and exits with 2", async () => {
  await using child = startChild(CHILD, "start-error");
  const end = await child.ended;
  assert.equal(end.code, 2);
  assert.equal(end.stderr, "darner: the configuration is wrong: do this\n");
});

test("another error at the start is logged and exits with 1", async () => {
  await using child = startChild(CHILD, "open-fails");
  const end = await child.ended;
  assert.equal(end.code, 1);
  assert.match(end.stderr, /"error":\{"message":"something else"\},"message":"could not start"/);
});

test("a process asked to end while it starts ends with 0", async () => {
  await using child = startChild(CHILD, "slow-start");
  await child.said("opening\n");
  child.process.kill("SIGTERM");
  const end = await child.ended;
  assert.equal(end.code, 0);
  assert.equal(end.stderr, "");
});

test("an error that nobody handles is logged and ends the process in order with 1", async () => {
  for (const [scene, message] of [
    ["uncaught", "uncaught error"],
    ["unhandled", "unhandled rejection"],
  ] as const) {
    await using child = startChild(CHILD, scene);
    const end = await child.ended;
    assert.equal(end.code, 1);
    assert.match(end.stdout, /second closed\nfirst closed\nover\n$/);
    assert.match(end.stderr, new RegExp(`nobody .* me.*"message":"${message}"`));
  }
});

test("a failure at the end is logged, the rest is closed, and the exit code is 1", async () => {
  await using child = startChild(CHILD, "fails-at-the-end");
  await child.said("open\n");
  child.process.kill("SIGTERM");
  const end = await child.ended;
  assert.equal(end.code, 1);
  assert.match(end.stdout, /first closed/);
  assert.match(end.stderr, /cannot close/);
});

test("a process that does not come to its end kills itself", async () => {
  await using child = startChild(CHILD, "hangs-at-the-end");
  await child.said("open\n");
  child.process.kill("SIGTERM");
  const end = await child.ended;
  assert.equal(end.signal, "SIGKILL");
  assert.match(end.stderr, /still not ended after 0\.05 s, killed/);
});
