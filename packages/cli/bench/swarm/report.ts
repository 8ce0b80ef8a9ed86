import { availableParallelism } from "node:os";
import { BOUND_FORMULA } from "./bound.ts";
import type { Figures } from "./figures.ts";
import type { CaseResult } from "./run-case.ts";
import type { SwarmCase } from "./swarm-case.ts";

/** Where and of what the figures were taken. */
export type Occasion = { readonly commit: string; readonly takenAt: string; readonly cores: number; readonly mirror: string };

const HEADINGS = [
  "case",
  "unit",
  "bound",
  "all straight",
  "alone",
  "last",
  "p50",
  "p99",
  "× unit",
  "× bound",
  "copies",
  "past mirror",
  "CPU-s/GB",
  "CPU",
];

/** This machine, now. */
export function occasion(commit: string, mirror: string): Occasion {
  return { commit, takenAt: new Date().toISOString(), cores: availableParallelism(), mirror };
}

/** The table for a terminal. */
export function tableText(figures: readonly Figures[]): string {
  const rows = [[...HEADINGS, ""], ...figures.map((each) => [...cellsOf(each), verdictOf(each)])];
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
  return rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")).join("\n");
}

/** The page that goes beside the picture. */
export function reportPage(occasionOf: Occasion, results: readonly CaseResult[], figures: readonly Figures[]): string {
  const { commit, takenAt, cores, mirror } = occasionOf;
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    "# The swarm benchmark",
    "",
    `Taken by \`npm run bench:swarm:long\` at commit ${commit}, ${takenAt}, on ${String(cores)} cores; mirror: ${mirror}. Every node is a network`,
    "namespace behind a link shaped both ways (`tc tbf`, burst 32 KiB, GSO off); the registry is a real one. Seconds are medians over rounds.",
    "**unit**: one node straight from the registry. **all straight**: the last of all nodes straight from the registry. **alone**: one node",
    "through its mirror, nobody else pulling. **last**, **p50**, **p99**: all nodes through their mirrors. **copies**: body bytes that left the registry over those of the image. **CPU**: of the whole",
    "machine, and a run above 70 % is INVALID: its times say nothing. **CPU-s/GB**: of everything, the emulated network included.",
    "",
    "![Times against the unit](swarm.svg)",
    "",
    row([...HEADINGS, "goal"]),
    row([...HEADINGS, ""].map(() => "---")),
    ...figures.map((each) => row([...cellsOf(each), verdictOf(each)])),
    "",
    `**bound**: ${BOUND_FORMULA}, with R the registry's link, B a node's, both less headers, S the image, p a piece, N the nodes.`,
    "",
    "## Cases",
    "",
    ...results.map(({ plan, congestion }) => `- **${plan.name}**: ${planText(plan)}, TCP ${congestion}`),
    "",
    "## Where the processor time went",
    "",
    "Seconds for each 10^9 bytes of layers that nodes got, first swarm round; user + system. *elsewhere*: interrupts and whatever else ran.",
    "",
    ...results.map(cpuText),
    "",
  ].join("\n");
}

function cellsOf(figures: Figures): string[] {
  const { name, unit, bound, straight, alone, last, p50, p99, overUnit, overBound, copies, fallbacks, cpuPerGigabyte, utilisation } =
    figures;
  const seconds = [unit, bound, straight, alone, last, p50, p99].map((value) => (value === 0 ? "–" : `${value.toFixed(2)} s`));
  const ratios = [overUnit.toFixed(3), overBound.toFixed(3), copies.toFixed(4), String(fallbacks)];
  return [name, ...seconds, ...ratios, cpuPerGigabyte.toFixed(1), `${(utilisation * 100).toFixed(0)} %`];
}

function verdictOf({ isValid, goalMet }: Figures): string {
  if (!isValid) return "INVALID";
  if (goalMet === undefined) return "";
  return goalMet ? "met" : "missed";
}

function planText(plan: SwarmCase): string {
  const megabits = (bits: number): string => `${String(bits / 1e6)} Mbit/s`;
  const { client, nodes, rate, registryRate, connectionRate, mtu, layers, layerBytes, joinSpreadMs, rounds, goal } = plan;
  return [
    `${String(nodes)} nodes of ${megabits(rate)}`,
    `registry ${megabits(registryRate)}${connectionRate === undefined ? "" : `, ${megabits(connectionRate)} a connection`}`,
    `${String(layers)} × ${String(layerBytes / 1024 ** 2)} MiB`,
    `client ${client}`,
    `MTU ${String(mtu)}`,
    ...(joinSpreadMs > 0 ? [`joins over ${String(joinSpreadMs / 1000)} s (each node's own time)`] : []),
    ...(plan.killOne ? ["in the last round the last node's mirror killed half way"] : []),
    ...(plan.seed ? ["a seed besides"] : []),
    `${String(rounds)} rounds`,
    ...(goal.overUnit === undefined ? [] : [`goal ≤ ${String(goal.overUnit)} × unit`]),
    ...(goal.overBound === undefined ? [] : [`goal ≤ ${String(goal.overBound)} × bound`]),
    ...(goal.speedUp === undefined ? [] : [`goal: one node alone ≥ ${String(goal.speedUp)} × faster than straight`]),
  ].join("; ");
}

function cpuText({ plan, swarm }: CaseResult): string {
  const [first] = swarm;
  if (first === undefined) return "";
  const gigabytes = (plan.nodes * plan.layers * plan.layerBytes) / 1e9;
  const parts = Object.entries(first.cpu.parts).map(
    ([part, { user, system }]) => `${part} ${(user / gigabytes).toFixed(2)} + ${(system / gigabytes).toFixed(2)}`,
  );
  return `- **${plan.name}**: ${[...parts, `elsewhere ${(first.cpu.elsewhere / gigabytes).toFixed(2)}`].join(", ")}`;
}
