import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

// The name of a test or a suite that runs: what is skipped or still to do proves nothing.
const NAMES = /(?<![.\w])(?:t\.)?(?:test|it|describe|suite)\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/gs;
const MENTIONS = /\bcases? (\d+(?:(?:, | and |–|-)\d+)*)/gi;
const TEST_FILE = /\.(?:test|e2e|conformance)\.ts$/;

/** The numbers that a test's name mentions: `case 43`, `cases 47 and 48`, `cases 15–17`. */
export function casesIn(name: string): number[] {
  return [...name.matchAll(MENTIONS)].flatMap(([, list = ""]) => list.split(/, | and /).flatMap(numbersIn));
}

function numbersIn(part: string): number[] {
  const [first = 0, last = first] = part.split(/[–-]/).map(Number);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
}

/** The names of the tests in a file's text. */
export function testNames(text: string): string[] {
  return [...text.matchAll(NAMES)].map(([, , name = ""]) => name);
}

/** Which test files name which case, by case; files in the order of their paths. */
export function testedCases(root: string): Map<number, string[]> {
  const tested = new Map<number, string[]>();
  for (const path of testFiles(join(root, "packages"))) {
    const cases = new Set(testNames(readFileSync(path, "utf8")).flatMap(casesIn));
    for (const number of cases) tested.set(number, [...(tested.get(number) ?? []), relative(root, path)]);
  }
  return tested;
}

function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules" && name !== "dist")
    .toSorted((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return testFiles(path);
      return TEST_FILE.test(entry.name) ? [path] : [];
    });
}
