import type { TaskRow } from "./driver.ts";

const HEADINGS = ["Blob URL", "Hostname", "IP", "Cluster ID", "State", "Error Message"];

/** The table at the end of a task log, line by line. */
export function taskTable(rows: readonly TaskRow[]): string[] {
  const cells = [HEADINGS, ...rows.map(({ url, hostname, ip, cluster, state, error }) => [url, hostname, ip, cluster, state, error])];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const rule = `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+`;
  const lines = cells.map((row) => `|${row.map((cell, column) => ` ${cell.padEnd(widths[column] ?? 0)} `).join("|")}|`);
  return [rule, lines[0] ?? "", rule, ...lines.slice(1), rule];
}
