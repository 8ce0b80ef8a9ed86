import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { noLeaks } from "@darner/testkit";

noLeaks();

const MODULE = JSON.stringify(fileURLToPath(new URL("./interruption.ts", import.meta.url)));

// Has a child that nobody holds; takes down what it has only when it is told to on its standard input.
const PROGRAM = `
import { spawn } from "node:child_process";
import { once } from "node:events";
import { endChildren, openInterruption, unlessAsked } from ${MODULE};
using interruption = openInterruption((line) => console.log(line));
const child = spawn("sleep", ["1000"], { stdio: "ignore" });
const work = unlessAsked(interruption.asked, new Promise(() => {}));
console.log("works");
await work.catch((error) => console.log(error.message));
await once(process.stdin, "data");
await endChildren();
console.log("taken down, child ended by " + child.signalCode);
process.stdin.destroy();
interruption.endLikeIt();
`;

test("three signals: the first asks, the others hear that it goes on; what was started is taken down, and the end is that of the first signal", async () => {
  const child = spawn(process.execPath, ["--conditions=source", "--input-type=module", "--eval", PROGRAM], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => (await lines.next()).value;
  assert.equal(await next(), "works");
  child.kill("SIGINT");
  assert.equal(await next(), "SIGINT: taking down what was started");
  assert.equal(await next(), "interrupted by SIGINT");
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    child.kill(signal);
    assert.equal(await next(), `${signal} again: still taking down what was started`);
  }
  child.stdin.write("go on\n");
  assert.equal(await next(), "taken down, child ended by SIGTERM");
  assert.deepEqual(await ended, [null, "SIGINT"]);
});
