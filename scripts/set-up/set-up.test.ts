import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";

const scripts = join(import.meta.dirname, "..");

// Writes down that it was called, takes its time, and leaves behind what npm leaves behind.
const NPM = `#!${process.execPath}
import fs from "node:fs";
fs.appendFileSync("npm-calls", process.argv.slice(2).join(" ") + "\\n");
console.log("npm prints something");
setTimeout(() => {
  if (fs.existsSync("npm-fails")) process.exit(7);
  fs.mkdirSync("node_modules", { recursive: true });
  fs.writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages: {} }));
}, 100);
`;

type Checkout = Disposable & { readonly root: string; readonly npmCalls: () => number };
type Ended = { readonly code: number | null; readonly signal: string | null; readonly stdout: string; readonly stderr: string };

/** A checkout with the real set-up scripts, one script to run, and an npm that only counts. */
function openCheckout(script: string): Checkout {
  const root = mkdtempSync(join(tmpdir(), "darner-set-up-"));
  cpSync(join(scripts, "run.mjs"), join(root, "scripts", "run.mjs"));
  for (const name of ["lock.mjs", "set-up.mjs"]) cpSync(join(scripts, "set-up", name), join(root, "scripts", "set-up", name));
  writeFileSync(join(root, "scripts", "main.ts"), script);
  writeFileSync(join(root, "package.json"), JSON.stringify({ type: "module", dependencies: { node: "24.0.0" } }));
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages: { "": {} } }));
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "bin", "npm"), NPM);
  chmodSync(join(root, "bin", "npm"), 0o755);
  const npmCalls = (): number => readFileSync(join(root, "npm-calls"), "utf8").trimEnd().split("\n").length;
  return { root, npmCalls, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

function start(
  root: string,
  ...args: string[]
): { ended: Promise<Ended>; ready: Promise<unknown>; kill: (signal: NodeJS.Signals) => void } {
  const PATH = [join(root, "bin"), process.env["PATH"] ?? ""].join(delimiter);
  const child = spawn(process.execPath, [join(root, "scripts", "run.mjs"), "scripts/main.ts", ...args], {
    env: { ...process.env, PATH },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    stdout,
    stderr,
  }));
  return { ended, ready: once(child.stdout, "data"), kill: (signal) => child.kill(signal) };
}

test("arguments, output and the exit code pass through, and npm's output stays off stdout", async () => {
  using checkout = openCheckout(
    `console.log(JSON.stringify(process.argv.slice(2)), process.execArgv.join());\nconst code: number = 3;\nprocess.exitCode = code;\n`,
  );
  const { code, stdout, stderr } = await start(checkout.root, "a b", "--config", "x").ended;
  assert.deepEqual([code, stdout], [3, `["a b","--config","x"] --conditions=source,--disable-sigusr1\n`]);
  assert.match(stderr, /set-up: installing dependencies[^]*npm prints something/);
});

test("what is set up is not set up again, until the lock file changes", async () => {
  using checkout = openCheckout("");
  await start(checkout.root).ended;
  assert.deepEqual(await start(checkout.root).ended, { code: 0, signal: null, stdout: "", stderr: "" });
  assert.equal(checkout.npmCalls(), 1);
  writeFileSync(join(checkout.root, "package-lock.json"), JSON.stringify({ packages: { "node_modules/new": { version: "1.0.0" } } }));
  await start(checkout.root).ended;
  assert.equal(checkout.npmCalls(), 2);
});

test("what somebody installed by hand as the lock file says is taken as it is", async () => {
  using checkout = openCheckout("console.log('ran')");
  mkdirSync(join(checkout.root, "node_modules"));
  writeFileSync(join(checkout.root, "node_modules", ".package-lock.json"), JSON.stringify({ packages: {} }));
  assert.deepEqual(await start(checkout.root).ended, { code: 0, signal: null, stdout: "ran\n", stderr: "" });
});

test("of several started at once on a fresh checkout one sets up, and all run", async () => {
  using checkout = openCheckout("console.log('ran')");
  const ends = await Promise.all([1, 2, 3, 4].map(() => start(checkout.root).ended));
  assert.deepEqual(
    ends.map(({ code, stdout }) => [code, stdout]),
    Array(4).fill([0, "ran\n"]),
  );
  assert.equal(checkout.npmCalls(), 1);
});

test("the lock of a set-up that died is taken over", async () => {
  using checkout = openCheckout("console.log('ran')");
  const lock = join(checkout.root, ".tmp", "set-up.lock");
  mkdirSync(lock, { recursive: true });
  utimesSync(lock, new Date(0), new Date(0));
  assert.equal((await start(checkout.root).ended).stdout, "ran\n");
});

test("a set-up that fails says so, runs nothing, and the next one starts over", async () => {
  using checkout = openCheckout("console.log('ran')");
  writeFileSync(join(checkout.root, "npm-fails"), "");
  const failed = await start(checkout.root).ended;
  assert.deepEqual([failed.code, failed.stdout], [1, ""]);
  assert.match(failed.stderr, /set-up failed: npm ci in .* ended with 7/);
  rmSync(join(checkout.root, "npm-fails"));
  assert.equal((await start(checkout.root).ended).stdout, "ran\n");
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} reaches the script, which ends as it likes`, async () => {
    using checkout = openCheckout(
      `process.once("${signal}", () => { console.log("told"); clearInterval(alive); process.exitCode = 5; });\nconst alive = setInterval(() => {}, 1000);\nconsole.log("up");\n`,
    );
    const running = start(checkout.root);
    await Promise.race([running.ready, running.ended]);
    running.kill(signal);
    const { code, stdout } = await running.ended;
    assert.deepEqual([code, stdout], [5, "up\ntold\n"]);
  });
}

test("a script killed by a signal looks killed to the caller too", async () => {
  using checkout = openCheckout(`process.kill(process.pid, "SIGKILL");\n`);
  assert.equal((await start(checkout.root).ended).signal, "SIGKILL");
});
