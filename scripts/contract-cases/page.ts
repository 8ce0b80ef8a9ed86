import { CASES, WAITING } from "./cases.ts";

const INTRODUCTION = `# The numbered cases of the mirror's contract

Section 6 of the contract (\`registry-mirror.md\`) numbers what a registry mirror meets in the wild and what it must answer. Each case is tested by tests whose
names begin with its number; this page says in which files. To find them: \`grep -rn "case 43" packages\`.

Written by \`node scripts/generate-contract-cases.ts\` from the names of the tests; \`scripts/contract-cases.test.ts\` fails where it is out of date.
`;

/** The page of all cases, from what is tested where. */
export function casesPage(tested: ReadonlyMap<number, readonly string[]>): string {
  const rows = CASES.map((title, at) => `| ${String(at + 1)} | ${title} | ${whereOf(at + 1, tested)} |`);
  return [INTRODUCTION, "| case | about | tested in |", "|---|---|---|", ...rows, ""].join("\n");
}

function whereOf(number: number, tested: ReadonlyMap<number, readonly string[]>): string {
  const files = tested.get(number);
  if (files !== undefined) return files.map((file) => `\`${file.replace(/^packages\//, "")}\``).join(", ");
  return `waits: ${WAITING.get(number) ?? "nobody said why"}`;
}
