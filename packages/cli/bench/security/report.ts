import { cpus } from "node:os";
import { BASE, MEASURES, SETTINGS, type Measure, type Sample, type Setting } from "./settings.ts";

/** How a run was made. */
export type RunFacts = { readonly commit: string; readonly blobBytes: number; readonly requests: number };

const INTRODUCTION = `# What encryption, membership and access checks cost

Written by \`npm run bench:security -- --report docs/reports/security\`; do not edit. Real processes on loopback, a scheduler and two daemons for
each setting: \`on\` is Darner as it comes (TLS between hosts, members only, the registry asked about each caller), \`plain bytes\` the same with
\`pieces.encryption: none\`, \`off\` everybody let in, nothing encrypted and \`access.mode: open\`, \`off again\` the same in other processes.
Ratios are of one round, in which the settings follow each other; how far \`off again\` is from 1 is what the others may be off by. CPU is
user and system together. Median, in brackets the middle half of the rounds. Other work on a machine makes everything dearer, never cheaper,
so that the best round of a setting against the best of \`off\` is the last word.
`;

/** The result of a run, as Markdown. */
export function pageOf(rounds: readonly Readonly<Record<Setting, Sample>>[], { commit, blobBytes, requests }: RunFacts): string {
  const measures = Object.keys(MEASURES) as Measure[];
  const facts = `${String(rounds.length)} rounds of ${String(blobBytes / 1024 ** 2)} MiB from host to host and ${String(requests)} requests for a small blob`;
  const machine = `${String(cpus().length)} × ${cpus()[0]?.model.trim() ?? "?"}, Node ${process.version}, commit ${commit}`;
  const absolute = measures.map((measure) => [
    MEASURES[measure],
    ...SETTINGS.map((setting) => spread(rounds.map((round) => round[setting][measure]))),
  ]);
  const others = SETTINGS.filter((setting) => setting !== BASE);
  const ratios = measures.map((measure) => [
    MEASURES[measure],
    ...others.map((setting) => spread(rounds.map((round) => round[setting][measure] / round[BASE][measure]))),
  ]);
  const least = (setting: Setting, measure: Measure): number => Math.min(...rounds.map((round) => round[setting][measure]));
  const best = measures.map((measure) => [
    MEASURES[measure],
    ...SETTINGS.map(
      (setting) => `${least(setting, measure).toFixed(2)} (${(least(setting, measure) / least(BASE, measure)).toFixed(2)} ×)`,
    ),
  ]);
  return [
    INTRODUCTION,
    `${facts}; ${machine}.`,
    "",
    table(["", ...SETTINGS], absolute),
    "",
    `Against \`${BASE}\` in the same round:`,
    "",
    table(["", ...others], ratios),
    "",
    `The best round of each, and against the best of \`${BASE}\`:`,
    "",
    table(["", ...SETTINGS], best),
    "",
  ].join("\n");
}

/** Median, and the middle half of the values. */
function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN).toFixed(2);
  return `${at(0.5)} (${at(0.25)} to ${at(0.75)})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(3, title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
