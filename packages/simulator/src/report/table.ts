import type { Miss } from "../expectation.ts";
import type { Report } from "./report.ts";

const LABEL_COLUMNS = 12;

/** A report for people, with what is worse than expected at its end. */
export function reportText(report: Report, misses: readonly Miss[]): string {
  const { scenario, seed, hosts, bytes, pieces, trace } = report;
  const rows = [
    `${scenario}: ${count(hosts)} hosts, ${count(Math.round(bytes / 1024))} KiB in ${count(pieces)} pieces, seed ${String(seed)}`,
    row("bound", seconds(report.boundMs)),
    row("median", inBounds(report.medianMs, report.medianRatio)),
    row("p90", inBounds(report.p90Ms, report.p90Ratio)),
    row("p99", inBounds(report.p99Ms, report.p99Ratio)),
    row("last", inBounds(report.lastMs, report.lastRatio)),
    row("alone", `the slowest took ${report.worstUnits.toFixed(3)} x what it would need alone`),
    row("ended", endings(report)),
    row("source", sourceText(report)),
    row("messages", messagesText(report)),
    row("readers", readersText(report)),
    ...(report.worstRackCopies === 0
      ? []
      : [row("racks", `each byte in ${report.meanRackCopies.toFixed(3)} times (worst rack ${report.worstRackCopies.toFixed(3)})`)]),
    ...(report.lastPreheatMs === 0 ? [] : [row("preheats", `last after ${seconds(report.lastPreheatMs)}`)]),
    ...(report.takeovers.length === 0 ? [] : [row("schedulers", takeoversText(report))]),
    row("hosts", `sent ${report.mostUploadedCopies.toFixed(2)} copies at most; ${report.wastedCopies.toFixed(3)} copies sent in vain`),
    row("cost", costText(report)),
    row("trace", trace),
    ...misses.map(({ what, is, atMost }) => row("MISSED", `${what}: ${figure(is)}, expected at most ${figure(atMost)}`)),
  ];
  return `${rows.join("\n")}\n`;
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_COLUMNS)}${text}`;
}

function inBounds(ms: number, ratio: number): string {
  return `${seconds(ms).padEnd(LABEL_COLUMNS)}${ratio.toFixed(3)} x bound`;
}

function endings({ completed, failures }: Report): string {
  const reasons = new Map<string, number>();
  for (const { reason } of failures) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const bad = [...reasons].map(([reason, times]) => `, ${count(times)} not (${reason})`).join("");
  return `${count(completed)} pulls well${bad}`;
}

function sourceText({ source }: Report): string {
  const causes = Object.entries(source.pieces).map(([cause, pieces]) => `${cause} ${count(pieces)}`);
  return `${source.copies.toFixed(3)} copies in ${count(source.requests)} requests, ${count(source.mostConnections)} at once; pieces: ${causes.join(", ") || "none"}`;
}

function messagesText({ scheduler }: Report): string {
  const { messagesPerPiece, messagesUp, messagesDown, granted, said } = scheduler;
  const kinds = Object.entries(said).map(([type, times]) => `${type} ${count(times)}`);
  const sum = `${messagesPerPiece.toFixed(3)} a piece granted (${count(messagesUp)} up + ${count(messagesDown)} down for ${count(granted)})`;
  return `${sum}\n${row("", kinds.join(", "))}`;
}

function takeoversText({ takeovers }: Report): string {
  const each = takeovers.map(({ lostAtMs, knewAfterMs }) =>
    knewAfterMs < Infinity
      ? `lost at ${seconds(lostAtMs)}, the next knew after ${seconds(knewAfterMs)}`
      : `lost at ${seconds(lostAtMs)}, none knew`,
  );
  return each.join("; ");
}

function readersText({ reader }: Report): string {
  const first = `first piece after ${seconds(reader.medianFirstPieceMs)} (worst ${seconds(reader.worstFirstPieceMs)})`;
  const lag = `prefix behind by ${percent(reader.medianLag)} of the blob (worst ${percent(reader.worstLag)})`;
  return `${first}, ${lag}, longest pause ${seconds(reader.longestPauseMs)}`;
}

function costText({ cost, steps, hosts, pieces }: Report): string {
  const { seconds: all, schedulerCoreSeconds, peerCoreSeconds, checkSeconds } = cost;
  const own = all - schedulerCoreSeconds - peerCoreSeconds - checkSeconds;
  const each = (part: number): string => `${part.toFixed(1)} s (${((part * 1e6) / Math.max(1, hosts * pieces)).toFixed(1)} us a piece)`;
  return `CPU ${each(all)}: scheduler core ${each(schedulerCoreSeconds)}, peer core ${each(peerCoreSeconds)}, checks ${each(checkSeconds)}, simulator ${each(own)}; ${count(steps)} steps`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function figure(value: number): string {
  return String(Number(value.toFixed(4)));
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
