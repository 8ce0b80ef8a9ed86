import type { TaskReport } from "@darner/protocol";

/**
 * What one host verified of one blob, in reports that follow each other, is one report: a core looks at who is to be fed once an event, so
 * that a host which is heard late costs no more than one that is heard at once. The order of everything else stays.
 */
export function joinedReports(reports: readonly TaskReport[]): readonly TaskReport[] {
  if (reports.length < 2) return reports;
  const joined: TaskReport[] = [];
  for (const { task, report } of reports) {
    const last = joined.at(-1);
    if (
      last?.report.type !== "verified" ||
      report.type !== "verified" ||
      last.task.digest !== task.digest ||
      last.task.size !== task.size
    ) {
      joined.push({ task, report });
      continue;
    }
    const { pieces, hashes } = last.report;
    joined[joined.length - 1] = {
      task,
      report: { type: "verified", pieces: [...pieces, ...report.pieces], hashes: [...hashes, ...report.hashes] },
    };
  }
  return joined;
}
