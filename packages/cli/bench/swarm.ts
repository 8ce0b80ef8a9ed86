/** The swarm benchmark: `npm run bench:swarm`, `npm run bench:swarm:long`; see docs/adr/0015-swarm-benchmark.md. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { checkedOutCommit } from "../../../scripts/check/checked-out-commit.ts";
import { missingPrograms, missingTools } from "../../../scripts/check/suite-programs.ts";
import { readArguments, USAGE, type SwarmArguments } from "./swarm/arguments.ts";
import { figuresOf, violations } from "./swarm/figures.ts";
import { endChildren, openInterruption } from "./swarm/interruption.ts";
import { picture } from "./swarm/picture.ts";
import { occasion, reportPage, tableText } from "./swarm/report.ts";
import { runCase, type CaseResult } from "./swarm/run-case.ts";

async function main(): Promise<void> {
  let asked: SwarmArguments;
  try {
    asked = readArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  const missing = missingTools() ?? missingPrograms(["bash"]);
  if (missing !== undefined) {
    console.error(`the swarm benchmark cannot run here: ${missing}`);
    process.exitCode = 1;
    return;
  }
  await runAll(asked);
}

async function runAll({ cases, out, mirrorCommand }: SwarmArguments): Promise<void> {
  const results: CaseResult[] = [];
  let failed = 0;
  using interruption = openInterruption((line) => {
    console.error(line);
  });
  const tell = (text: string): void => {
    console.log(text);
  };
  for (const plan of cases) {
    console.log(plan.name);
    try {
      const result = await runCase(plan, { template: mirrorCommand, tell, asked: interruption.asked });
      results.push(result);
      const wrong = violations(result);
      for (const each of wrong) console.log(`  WRONG: ${each}`);
      if (wrong.length > 0) failed += 1;
    } catch (error) {
      failed += 1;
      console.log(`  FAILED: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (interruption.asked.aborted) break;
    // After every case, so that what was measured stays where a later one is interrupted.
    writeResults(out, results);
  }
  if (results.length > 0) console.log(`\n${tableText(results.map(figuresOf))}\n\nwritten: ${out}.json, ${out}.md, ${out}.svg`);
  if (interruption.asked.aborted) {
    await endChildren();
    interruption.endLikeIt();
    return;
  }
  console.log(`${String(cases.length - failed)} passed, ${String(failed)} failed`);
  if (failed > 0) process.exitCode = 1;
}

function writeResults(out: string, results: readonly CaseResult[]): void {
  const [first] = results;
  if (first === undefined) return;
  const figures = results.map(figuresOf);
  const when = occasion(checkedOutCommit(), first.mirror);
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(`${out}.json`, `${JSON.stringify({ ...when, figures, results }, undefined, 2)}\n`);
  writeFileSync(`${out}.md`, reportPage(when, results, figures));
  writeFileSync(`${out}.svg`, picture(figures, first.mirror));
}

await main();
