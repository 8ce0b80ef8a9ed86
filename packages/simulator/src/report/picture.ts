import type { Instant } from "./progress.ts";
import { progressOf } from "./progress.ts";
import type { PullRecord } from "./pull-records.ts";
import type { Report } from "./report.ts";

const WIDTH = 960;
const HEIGHT = 400;
const TOP = 74;
const BOTTOM = 336;
const LEFT_PANEL: Panel = { left: 62, right: 520 };
const RIGHT_PANEL: Panel = { left: 606, right: 930 };
const INSTANTS = 240;
// What the last host is held to (design.md, 6), drawn beside the bound.
const TARGET = 1.15;
const INK = "#1f2933";
const FAINT = "#7b8794";
const GRID = "#e4e7eb";
const BLUE = "#1d6fb8";
const GREEN = "#2f8f5b";
const RED = "#c2410c";

type Panel = { readonly left: number; readonly right: number };

/** A run as an SVG: pieces over time, and when the pulls ended, against the bound. */
export function pictureOf(report: Report, records: readonly PullRecord[]): string {
  const read = records.filter(({ isRead, failure }) => isRead && failure === undefined);
  const { boundMs, lastMs } = report;
  const endMs = 1.04 * Math.max(lastMs, TARGET * boundMs);
  const instants = progressOf(read, endMs, INSTANTS);
  // The right panel shows the end only: from a little before the first host has it all.
  const firstEnd = instants.find(({ ended }) => ended > 0)?.ms ?? 0;
  const beginMs = Math.max(0, Math.min(firstEnd, boundMs) - 0.06 * endMs);
  const ends = progressOf(read, endMs, INSTANTS * 4).filter(({ ms }) => ms >= beginMs);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">`,
    `<rect width="${String(WIDTH)}" height="${String(HEIGHT)}" rx="6" fill="#ffffff"/>`,
    ...headline(report),
    ...piecesPanel(instants, boundMs, endMs),
    ...endsPanel(ends, report, beginMs, endMs),
    `</svg>\n`,
  ].join("\n");
}

function headline({ scenario, hosts, bytes, source, lastRatio, medianRatio, seed }: Report): string[] {
  const size = bytes >= 2 ** 30 ? `${round(bytes / 2 ** 30, 1)} GiB` : `${round(bytes / 2 ** 20, 1)} MiB`;
  const what = `${hosts.toLocaleString("en-US")} hosts pull ${size} (${scenario}, seed ${String(seed)})`;
  const how = `last host ${round(lastRatio, 3)} × the bound, median ${round(medianRatio, 3)} ×; the registry sent ${round(source.copies, 3)} copies`;
  return [text(LEFT_PANEL.left, 28, what, `font-size="17" font-weight="600"`), text(LEFT_PANEL.left, 49, how, `fill="${FAINT}"`)];
}

function piecesPanel(instants: readonly Instant[], boundMs: number, endMs: number): string[] {
  const x = scale(0, endMs, LEFT_PANEL);
  const band = [
    ...instants.map(({ ms, p90 }) => point(x(ms), y(p90))),
    ...instants.toReversed().map(({ ms, p10 }) => point(x(ms), y(p10))),
  ];
  const limit = `<line x1="${px(x(0))}" y1="${px(y(0))}" x2="${px(x(boundMs))}" y2="${px(y(1))}" stroke="${FAINT}" stroke-dasharray="4 4"/>`;
  return [
    ...axes(LEFT_PANEL, x, 0, endMs, "pieces held, share of the blob"),
    limit,
    `<polygon points="${band.join(" ")}" fill="${BLUE}" fill-opacity="0.22"/>`,
    line(
      instants.map(({ ms, p50 }) => point(x(ms), y(p50))),
      BLUE,
    ),
    line(
      instants.map(({ ms, readable }) => point(x(ms), y(readable))),
      GREEN,
    ),
    ...legend([
      [BLUE, "held: median, and 10–90 % of the hosts"],
      [GREEN, "readable in order, median"],
      [FAINT, "physical bound"],
    ]),
  ];
}

function endsPanel(ends: readonly Instant[], { boundMs, lastMs }: Report, beginMs: number, endMs: number): string[] {
  const x = scale(beginMs, endMs, RIGHT_PANEL);
  return [
    ...axes(RIGHT_PANEL, x, beginMs, endMs, "hosts that have it all"),
    ...mark(x(boundMs), "bound", FAINT, 0),
    ...mark(x(TARGET * boundMs), `${String(TARGET)} ×`, RED, 0),
    line(
      ends.map(({ ms, ended }) => point(x(ms), y(ended))),
      BLUE,
    ),
    `<circle cx="${px(x(lastMs))}" cy="${px(y(1))}" r="4" fill="${BLUE}"/>`,
  ];
}

function axes(panel: Panel, x: (ms: number) => number, fromMs: number, toMs: number, title: string): string[] {
  const rows = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<line x1="${px(panel.left)}" y1="${px(y(share))}" x2="${px(panel.right)}" y2="${px(y(share))}" stroke="${GRID}"/>`,
    text(panel.left - 8, y(share) + 4, `${String(100 * share)} %`, `text-anchor="end" fill="${FAINT}" font-size="12"`),
  ]);
  const columns = ticks(fromMs / 1000, toMs / 1000).flatMap((second) => [
    `<line x1="${px(x(1000 * second))}" y1="${String(BOTTOM)}" x2="${px(x(1000 * second))}" y2="${String(BOTTOM + 5)}" stroke="${FAINT}"/>`,
    text(x(1000 * second), BOTTOM + 20, `${String(second)} s`, `text-anchor="middle" fill="${FAINT}" font-size="12"`),
  ]);
  return [...rows, ...columns, text(panel.left, BOTTOM + 44, title, `font-weight="600"`)];
}

function legend(entries: readonly (readonly [colour: string, label: string])[]): string[] {
  return entries.flatMap(([colour, label], index) => {
    const at = TOP + 14 + 19 * index;
    return [
      `<rect x="${String(LEFT_PANEL.left + 12)}" y="${String(at - 8)}" width="16" height="4" rx="2" fill="${colour}"/>`,
      text(LEFT_PANEL.left + 36, at - 1, label, `font-size="12"`),
    ];
  });
}

function mark(at: number, label: string, colour: string, lift: number): string[] {
  return [
    `<line x1="${px(at)}" y1="${String(TOP)}" x2="${px(at)}" y2="${String(BOTTOM)}" stroke="${colour}" stroke-dasharray="4 4"/>`,
    text(at, TOP - 6 - lift, label, `text-anchor="middle" fill="${colour}" font-size="12"`),
  ];
}

function line(points: readonly string[], colour: string): string {
  return `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`;
}

/** Some five round instants between two, in seconds. */
function ticks(from: number, to: number): number[] {
  const rough = (to - from) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(6)));
}

function scale(from: number, to: number, { left, right }: Panel): (ms: number) => number {
  return (ms) => left + ((right - left) * (ms - from)) / (to - from);
}

function y(share: number): number {
  return BOTTOM - share * (BOTTOM - TOP);
}

function point(x: number, atY: number): string {
  return `${px(x)},${px(atY)}`;
}

function px(value: number): string {
  return value.toFixed(1);
}

function round(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

function text(x: number, atY: number, words: string, style: string): string {
  return `<text x="${px(x)}" y="${px(atY)}" ${style}>${words.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;
}
