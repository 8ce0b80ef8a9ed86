import type { Figures } from "./figures.ts";

const WIDTH = 920;
const LEFT = 230;
const RIGHT = 90;
// A row of two bars, and one of a single one.
const TALL_ROW = 62;
const ROW = 44;
const TOP = 84;
const BAR = 13;
const OWN_COLOUR = "#1f7a5c";

type Bar = { readonly label: string; readonly ratio: number; readonly colour: string };

/** Draws, for each case, how long the last node waits, in units of one node alone, with the bound as a line. */
export function picture(figures: readonly Figures[], mirror: string): string {
  const rowHeights = figures.map(({ straight }) => (straight === 0 ? ROW : TALL_ROW));
  const top = (row: number): number => rowHeights.slice(0, row).reduce((sum, rowHeight) => sum + rowHeight, TOP);
  const height = top(figures.length) + 30;
  // A bar of N units would leave no room for the difference that matters: what is longer is cut off and says its length.
  const scale = Math.max(2, ...figures.map(({ overUnit }) => Math.min(3, overUnit))) * 1.05;
  const x = (ratio: number): number => LEFT + Math.min(1, ratio / scale) * (WIDTH - LEFT - RIGHT);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(WIDTH)}" height="${String(height)}" viewBox="0 0 ${String(WIDTH)} ${String(height)}" font-family="system-ui, sans-serif">`,
    `<rect width="100%" height="100%" rx="10" fill="#fbfbf8"/>`,
    text(24, 34, "How long the last of N nodes waits for a cold image", { size: 18, weight: 600 }),
    text(24, 58, "1 = the time one node alone needs straight from the registry; the line is what no arrangement can undercut", {
      size: 13,
      fill: "#555",
    }),
    ...figures.flatMap((each, at) => rowOf(each, top(at), mirror, x)),
    `<line x1="${x(1).toFixed(1)}" x2="${x(1).toFixed(1)}" y1="${String(TOP - 8)}" y2="${String(height - 26)}" stroke="#bbb" stroke-dasharray="3 3"/>`,
    text(x(1), height - 10, "1 unit", { size: 11, fill: "#777", anchor: "middle" }),
    "</svg>",
    "",
  ].join("\n");
}

function rowOf(figures: Figures, y: number, mirror: string, x: (ratio: number) => number): string[] {
  const { name, unit, straight, last, bound, copies, isValid } = figures;
  const through: Bar = {
    label: `${mirror}: ${ratioText(last / unit)}, ${copies.toFixed(2)} copies read`,
    ratio: last / unit,
    // What says nothing is not shown as if it did.
    colour: isValid ? OWN_COLOUR : "#b4cdc3",
  };
  const without: Bar = { label: `registry alone: ${ratioText(straight / unit)}`, ratio: straight / unit, colour: "#c9b79c" };
  const bars = straight === 0 ? [through] : [through, without];
  const edge = x(bound / unit).toFixed(1);
  return [
    text(LEFT - 14, y + 14, name, { size: 13, weight: 600, anchor: "end" }),
    ...(isValid ? [] : [text(LEFT - 14, y + 32, "invalid: the machine was busy", { size: 11, fill: "#b3261e", anchor: "end" })]),
    ...bars.flatMap((bar, at) => barOf(bar, y + at * (BAR + 8), x)),
    `<line x1="${edge}" x2="${edge}" y1="${String(y - 4)}" y2="${String(y + BAR + 4)}" stroke="#b3261e" stroke-width="2"/>`,
  ];
}

function barOf({ label, ratio, colour }: Bar, y: number, x: (ratio: number) => number): string[] {
  const width = x(ratio) - LEFT;
  // A bar that fills the picture carries its label inside.
  const full = WIDTH - LEFT - RIGHT;
  const inside = width > full * 0.7;
  return [
    `<rect x="${String(LEFT)}" y="${String(y)}" width="${width.toFixed(1)}" height="${String(BAR + 3)}" rx="2" fill="${colour}"/>`,
    text(inside ? LEFT + width - 8 : LEFT + width + 8, y + 12, width < full ? label : `${label}, cut off here →`, {
      size: 12,
      fill: inside && colour === OWN_COLOUR ? "#fff" : "#222",
      anchor: inside ? "end" : "start",
    }),
  ];
}

function ratioText(ratio: number): string {
  return `${ratio.toFixed(2)} units`;
}

type TextStyle = { readonly size: number; readonly weight?: number; readonly fill?: string; readonly anchor?: "start" | "middle" | "end" };

function text(x: number, y: number, content: string, { size, weight = 400, fill = "#222", anchor = "start" }: TextStyle): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${String(y)}" font-size="${String(size)}" font-weight="${String(weight)}" fill="${fill}" text-anchor="${anchor}">${escaped}</text>`;
}
