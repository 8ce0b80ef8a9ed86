import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Report } from "@darner/simulator";
import { noLeaks, openTempDir } from "@darner/testkit";
import { UsageError, type ExitCode } from "../command.ts";
import { runSimulate } from "./run-simulate.ts";

noLeaks();

function simulate(line: string): { readonly code: ExitCode; readonly out: string; readonly err: string } {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text), live: false, columns: 80 };
  const code = runSimulate({ argv: line.split(" "), env: {}, terminal, signal: AbortSignal.any([]) });
  return { code, out: out.join(""), err: err.join("") };
}

test("what the flags say is what is played, and the same line plays the same run", () => {
  const line = "--scenario small-blobs --peers 3 --size 1MiB --layers 2 --rate 8Mbit --latency 2 --seed 5 --json";
  const [one, two] = [simulate(line), simulate(line)].map(({ out }) => JSON.parse(out) as Report);
  assert.deepEqual([one?.hosts, one?.bytes, one?.seed, one?.completed], [3, 2 * 1024 * 1024, 5, 6]);
  assert.ok((one?.boundMs ?? 0) > 2000 && one?.trace === two?.trace);
});

test("a run that misses a figure ends with 1, says which, and with which line to play it again", () => {
  const { code, out, err } = simulate("--scenario no-scheduler --peers 3 --size 1MiB");
  assert.equal(code, 1);
  assert.match(out, /MISSED +source bytes, in copies: 3, expected at most 2\.02/);
  assert.equal(err, "Again: darner simulate --scenario no-scheduler --peers 3 --size 1MiB --seed 1\n");
});

test("a picture is written where it is wanted, and a place that cannot be written is told", async () => {
  await using dir = await openTempDir();
  const file = join(dir.path, "run.svg");
  simulate(`--peers 2 --size 1MiB --svg ${file}`);
  assert.match(readFileSync(file, "utf8"), /^<svg /);
  const { code, err } = simulate(`--peers 2 --size 1MiB --svg ${join(dir.path, "none", "run.svg")}`);
  assert.equal(code, 1);
  assert.match(err, /^darner: ENOENT/);
});

test("every scenario is listed with what it is held to", () => {
  const { out } = simulate("--list");
  assert.match(out, /^racks: .*"rackCopies":1\.02/m);
});

test("figures that are none are refused by name", () => {
  for (const [flag, value] of [
    ["--peers", "0"],
    ["--peers", "many"],
    ["--size", "lots"],
    ["--size", "0"],
    ["--rate", "fast"],
    ["--up", "0Mbit"],
    ["--latency", "soon"],
    ["--lose", "2"],
    ["--seed", "1.5"],
    ["--scenario", "none"],
  ] as const)
    assert.throws(
      () => simulate(`${flag} ${value}`),
      (error) => error instanceof UsageError && error.message.includes(value),
      `${flag} ${value}`,
    );
});
