import { globSync } from "node:fs";
import { runTool } from "./tool.ts";

// What we read of dependency-cruiser's JSON report.
type Report = {
  readonly modules: readonly { readonly source: string; readonly dependencies: readonly { readonly resolved: string }[] }[];
  readonly summary: { readonly violations: readonly Violation[]; readonly ruleSetUsed: { readonly forbidden: readonly Rule[] } };
};
type Rule = { readonly name: string; readonly comment?: string };
type Violation = {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
  readonly cycle?: readonly { readonly name: string }[];
};

/**
 * Checks who imports whom; says what is wrong, or "".
 * With a TypeScript it does not know, dependency-cruiser reads no module, finds no violation and exits 0: so every source file must be in its report,
 * and so must the imports in it.
 */
export async function checkFloors(root: string): Promise<string> {
  const args = ["--config", ".dependency-cruiser.js", "--output-type", "json", "packages", "scripts"];
  const { code, stdout, output } = await runTool(root, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs", args);
  const report = parse(stdout);
  if (report === undefined) return `dependency-cruiser gave no report (exit code ${String(code)}):\n${output.trim()}`;
  const { violations, ruleSetUsed } = report.summary;
  const reasons = new Map(ruleSetUsed.forbidden.map(({ name, comment }) => [name, comment ?? name]));
  return [...blindSpots(root, report), ...violations.map((violation) => sentence(violation, reasons))].join("\n");
}

function parse(stdout: string): Report | undefined {
  try {
    return JSON.parse(stdout) as Report;
  } catch {
    return undefined;
  }
}

function blindSpots(root: string, report: Report): string[] {
  const read = new Set(report.modules.map((module) => module.source));
  const onDisk = globSync(["packages/*/{src,test,bench,demo,e2e,fuzz}/**/*.ts", "scripts/**/*.{ts,mjs}"], { cwd: root });
  const problems = onDisk.filter((file) => !read.has(file)).map((file) => `${file}: not read by dependency-cruiser`);
  if (onDisk.length === 0) problems.push("no source file found: the floors were not checked");
  const imports = report.modules.flatMap((module) => (module.source.startsWith("packages/") ? module.dependencies : []));
  const crossings = imports.filter((dependency) => /^packages\/[^/]+\/src\/index\.ts$/.test(dependency.resolved));
  if (crossings.length === 0) problems.push("no import from one package to another was resolved: the floors were not checked");
  return problems;
}

function sentence({ from, to, rule, cycle }: Violation, reasons: ReadonlyMap<string, string>): string {
  const way = cycle === undefined ? to : cycle.map((step) => step.name).join(" → ");
  return `${from} → ${way}: ${rule.name} (${reasons.get(rule.name) ?? "no reason given"})`;
}
