import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { FuzzOutcome } from "./run-target.ts";

const INTRODUCTION = `# Fuzzing, the long form

Written by \`npm run fuzz:long\`; do not edit. Each target is a parser that takes bytes from outside (\`packages/*/fuzz/*.fuzz.ts\` say what
must hold for every input); the endings are the different ways in which inputs were answered. An input fails where the parser throws
anything but its declared error, where the oracle of its target does not hold, or where it takes more than 250 ms of
processor time four times in a row.
`;

type Row = Readonly<Record<"target" | "commit" | "node", string>> &
  Readonly<Record<"seed" | "inputs" | "seconds" | "slowestMs" | "failed", number>> & { readonly endings: FuzzOutcome["endings"] };

/** Writes `FILE.md` and `FILE.json`: these outcomes, and those of other targets that stand there already. */
export function writeReport(file: string, commit: string, outcomes: readonly FuzzOutcome[]): void {
  const rows = outcomes.map((outcome) => rowOf(outcome, commit));
  const before = existsSync(`${file}.json`) ? (JSON.parse(readFileSync(`${file}.json`, "utf8")) as readonly Row[]) : [];
  const others = before.filter(({ target }) => !rows.some((row) => row.target === target));
  const all = [...others, ...rows].toSorted((a, b) => (a.target < b.target ? -1 : 1));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.json`, `${JSON.stringify(all, undefined, 2)}\n`);
  writeFileSync(`${file}.md`, pageOf(all));
}

function rowOf({ target, seed, inputs, ms, endings, slowestMs, failure }: FuzzOutcome, commit: string): Row {
  const tenths = (value: number): number => Math.round(value * 10) / 10;
  const failed = failure === undefined ? 0 : 1;
  return { target, commit, node: process.version, seed, inputs, seconds: tenths(ms / 1000), slowestMs: tenths(slowestMs), failed, endings };
}

function pageOf(rows: readonly Row[]): string {
  const cells = rows.map(({ target, inputs, endings, failed, slowestMs, seconds, seed, commit, node }) =>
    [target, inputs, Object.keys(endings).length, failed, slowestMs, seconds, seed, commit, node].map(String),
  );
  const head = ["target", "inputs", "endings", "failed", "slowest ms", "seconds", "seed", "commit", "Node"];
  const widths = head.map((title, at) => Math.max(title.length, 3, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  return [INTRODUCTION, line(head), line(widths.map((width) => "-".repeat(width))), ...cells.map(line), ""].join("\n");
}
