// npm run fuzz [-- --target NAME] [--seed N] [--inputs N] [--seconds N] [--keep] [--report FILE]: throws inputs at every parser that takes
// bytes from outside. Ends with the line `N passed, N failed`. `--keep` writes the corpus, `--report` a report as Markdown and JSON.
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkedOutCommit } from "../../../scripts/check/checked-out-commit.ts";
import { findTargets, readCorpus, writeCorpus } from "./corpus.ts";
import { HangWatch } from "./hang-watch.ts";
import { writeReport } from "./report.ts";
import { runTarget, type FuzzOutcome } from "./run-target.ts";

const root = join(import.meta.dirname, "..", "..", "..");
// Forty times what the slowest answer may take.
const HANG_MS = 10_000;
const OPTIONS = {
  target: { type: "string", multiple: true },
  seed: { type: "string" },
  inputs: { type: "string", default: "20000" },
  seconds: { type: "string", default: "2" },
  keep: { type: "boolean", default: false },
  report: { type: "string" },
} as const;

const { values } = parseArgs({ options: OPTIONS });
const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
process.stdout.write(
  `seed ${String(seed)} (npm run fuzz -- --seed ${String(seed)} repeats this run where the inputs, not the time, end it)\n`,
);

// The sources that are read now, whatever is checked out by the end of a long run.
const commit = checkedOutCommit();
const outcomes: FuzzOutcome[] = [];
for (const { target, corpusFile } of await findTargets(root)) {
  if (values.target?.some((name) => target.name.includes(name)) === false) continue;
  const budget = { inputs: Number(values.inputs), ms: Number(values.seconds) * 1000, seed };
  await using watch = new HangWatch(target.name, HANG_MS);
  const outcome = await runTarget(target, readCorpus(corpusFile), budget, (input) => {
    watch.note(input);
  });
  outcomes.push(outcome);
  say(outcome);
  if (values.keep) writeCorpus(corpusFile, outcome.corpus);
  if (values.report !== undefined) writeReport(join(root, values.report), commit, [outcome]);
}
const failed = outcomes.filter(({ failure }) => failure !== undefined).length;
process.stdout.write(`${String(outcomes.length - failed)} passed, ${String(failed)} failed\n`);
if (failed > 0 || outcomes.length === 0) process.exitCode = 1;

function say({ target, inputs, ms, endings, slowestMs, failure }: FuzzOutcome): void {
  const ways = `${String(Object.keys(endings).length)} endings`;
  const facts = `${String(inputs)} inputs, ${(ms / 1000).toFixed(1)} s, ${ways}, slowest ${slowestMs.toFixed(1)} ms`;
  process.stdout.write(`${failure === undefined ? "ok  " : "FAIL"} ${target.padEnd(20)} ${facts}\n`);
  if (failure === undefined) return;
  process.stdout.write(`     input (base64): ${Buffer.from(failure.input).toString("base64")}\n`);
  process.stdout.write(`     ${failure.error instanceof Error ? (failure.error.stack ?? "") : String(failure.error)}\n`);
}
