import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { latin1, type FuzzTarget } from "../src/fuzz/fuzz-target.ts";
import { findTargets, readCorpus } from "./corpus.ts";
import { runTarget } from "./run-target.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const NONE: ReadonlyMap<string, Uint8Array> = new Map();
const BUDGET = { inputs: 200_000, ms: 60_000, seed: 7 };

/** A parser with a flaw that no seed shows: it fails on a quote within brackets behind a long number. */
const FLAWED: FuzzTarget = {
  name: "flawed",
  seeds: ["[1]", "x"],
  words: ["[", "]", '"'],
  check: (input) => {
    const text = latin1(input);
    if (!text.startsWith("[")) return "no list";
    if (!/[0-9]{4}/.test(text)) return "short";
    if (text.includes('"')) throw new Error("the flaw");
    return "long";
  },
};

test("a flaw that takes three steps is found, since each step is kept", async () => {
  const { failure, inputs, endings } = await runTarget(FLAWED, NONE, BUDGET);
  assert.match(String(failure?.error), /the flaw/);
  assert.ok(latin1(failure?.input ?? new Uint8Array()).startsWith("["));
  assert.ok(inputs < BUDGET.inputs);
  assert.deepEqual(Object.keys(endings), ["long", "no list", "short"]);
});

test("the same seed throws the same inputs", async () => {
  const [one, two] = [await runTarget(FLAWED, NONE, BUDGET), await runTarget(FLAWED, NONE, BUDGET)];
  assert.deepEqual([one.inputs, one.failure?.input], [two.inputs, two.failure?.input]);
});

test("an input that takes too long is a failure, every time it is tried", async () => {
  const slow: FuzzTarget = {
    ...FLAWED,
    check: () => {
      const before = process.cpuUsage();
      while (process.cpuUsage(before).user < 300_000);
      return "slow";
    },
  };
  assert.match(String((await runTarget(slow, NONE, BUDGET)).failure?.error), /ms for 3 bytes/);
});

test("an input that nobody comes back from is told of by name, and ends the run", () => {
  const watch = JSON.stringify(new URL("hang-watch.ts", import.meta.url));
  const program = `import { HangWatch } from ${watch}; new HangWatch("stuck", 200).note(Buffer.from("a = 1#")); for (;;);`;
  const { stdout, signal } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8", timeout: 60_000 });
  assert.equal(signal, "SIGKILL");
  assert.ok(stdout.includes(`FAIL stuck hangs\n     input (base64): ${Buffer.from("a = 1#").toString("base64")}\n`), stdout);
});

test("every kept input of every target still ends as it should", async () => {
  const found = await findTargets(ROOT);
  assert.ok(found.length >= 16);
  for (const { target, corpusFile } of found) {
    const kept = readCorpus(corpusFile);
    assert.ok(kept.size > 0, `${target.name} has a corpus`);
    const { failure } = await runTarget(target, kept, { inputs: 0, ms: 0, seed: 1 });
    assert.equal(failure, undefined, `${target.name}: ${String(failure?.error)}`);
  }
});
