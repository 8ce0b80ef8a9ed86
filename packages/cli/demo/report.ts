import { bytesText } from "../src/text.ts";
import type { NodeResult, RoundResult } from "./round.ts";
import type { Look, Screen } from "./screen.ts";

type Column = { readonly title: string; readonly width: number; readonly look?: Look; readonly of: (node: NodeResult) => string };

const COLUMNS: readonly Column[] = [
  { title: "node", width: 4, look: "bold", of: ({ name }) => name },
  { title: "from source", width: 13, look: "source", of: ({ bytes }) => bytesText(bytes.source) },
  { title: "from nodes", width: 13, look: "nodes", of: ({ bytes }) => bytesText(bytes.parent) },
  { title: "from disk", width: 13, look: "disk", of: ({ bytes }) => bytesText(bytes.disk) },
  { title: "uploaded", width: 13, of: ({ bytes }) => bytesText(bytes.uploaded) },
  { title: "seconds", width: 10, of: ({ seconds }) => seconds.toFixed(1) },
];

/** The table of a round: a row a node, and all of them together where there are several. */
export function printTable(screen: Screen, { nodes }: RoundResult): void {
  const titles = COLUMNS.map(({ title, width }, index) => padded(title, width, index)).join("");
  const rule = screen.paint("dim", `  ${"─".repeat(COLUMNS.reduce((sum, { width }) => sum + width, 0))}`);
  screen.print("", `  ${screen.paint("dim", titles)}`, rule, ...nodes.map((node) => row(screen, node)));
  if (nodes.length > 1) screen.print(rule, row(screen, allOf(nodes)));
  screen.print("");
}

function row(screen: Screen, node: NodeResult): string {
  return `  ${COLUMNS.map(({ width, look, of }, index) => (look === undefined ? padded(of(node), width, index) : screen.paint(look, padded(of(node), width, index)))).join("")}`;
}

function padded(text: string, width: number, index: number): string {
  return index === 0 ? text.padEnd(width) : text.padStart(width);
}

/** Bytes add up; the time of all is that of the last. */
function allOf(nodes: readonly NodeResult[]): NodeResult {
  const sum = (key: keyof NodeResult["bytes"]): number => nodes.reduce((total, { bytes }) => total + bytes[key], 0);
  return {
    name: "all",
    bytes: { source: sum("source"), parent: sum("parent"), disk: sum("disk"), uploaded: sum("uploaded") },
    seconds: Math.max(...nodes.map(({ seconds }) => seconds)),
    problem: undefined,
  };
}
