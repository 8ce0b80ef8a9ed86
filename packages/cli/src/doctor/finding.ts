/** How much a finding matters: nothing is wrong, it works but not as it could, or it does not work. */
export type Severity = "ok" | "warning" | "error";

/** What one check found, and what to do about it. */
export type Finding = {
  /** The check, as in `runtime.probe`. */
  readonly id: string;
  readonly severity: Severity;
  readonly finding: string;
  /** The next step; empty where there is none to do. */
  readonly fix: string;
};

/** A finding without fault. */
export function well(id: string, finding: string): Finding {
  return { id, severity: "ok", finding, fix: "" };
}

/** A fault with its next step. */
export function amiss(id: string, severity: "warning" | "error", finding: string, fix: string): Finding {
  return { id, severity, finding, fix };
}

const MARKS: Readonly<Record<Severity, string>> = { ok: "ok", warning: "warn", error: "FAIL" };
const MARK_COLUMNS = 6;

/** Findings for people: a line each, with the next step below. */
export function findingsText(findings: readonly Finding[]): string {
  const indent = " ".repeat(MARK_COLUMNS);
  const lines = findings.flatMap(({ id, severity, finding, fix }) => {
    const told = [`${MARKS[severity].padEnd(MARK_COLUMNS)}${id}: ${finding}`, ...(fix === "" ? [] : [`→ ${fix}`])];
    return told.flatMap((text, at) => text.split("\n").map((line, within) => (at + within === 0 ? line : `${indent}${line}`)));
  });
  const count = (severity: Severity): number => findings.filter((one) => one.severity === severity).length;
  return `${lines.join("\n")}\n${String(count("ok"))} ok, ${String(count("warning"))} to look at, ${String(count("error"))} failed\n`;
}
