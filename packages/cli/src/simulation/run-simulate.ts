import { writeFileSync } from "node:fs";
import { parseByteSize } from "@darner/runtime";
import { adjusted, missesOf, pictureOf, reportText, SCENARIOS, Simulation, type Adjustments, type Scenario } from "@darner/simulator";
import { readFlags } from "../arguments.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";

const DEFAULT_SCENARIO = "cold-pull";
const DEFAULT_SEED = 1;

/** Plays what the command line says and tells how it went; 1 where a figure is worse than expected. */
export function runSimulate({ argv, terminal }: CommandContext): ExitCode {
  const values = readFlags(argv, {
    scenario: { type: "string", default: DEFAULT_SCENARIO },
    list: { type: "boolean", default: false },
    peers: { type: "string" },
    size: { type: "string" },
    layers: { type: "string" },
    rate: { type: "string" },
    up: { type: "string" },
    down: { type: "string" },
    "source-rate": { type: "string" },
    "per-connection": { type: "string" },
    latency: { type: "string" },
    slices: { type: "string" },
    seed: { type: "string", default: String(DEFAULT_SEED) },
    trace: { type: "boolean", default: false },
    "join-spread": { type: "string" },
    lose: { type: "string" },
    liars: { type: "string" },
    racks: { type: "string" },
    svg: { type: "string" },
    json: { type: "boolean", default: false },
  });
  if (values.list) {
    terminal.out(SCENARIOS.map(({ name, about, expect }) => `${name}: ${about} ${JSON.stringify(expect)}\n`).join(""));
    return 0;
  }
  const scenario = adjusted(scenarioNamed(values.scenario), adjustmentsIn(values));
  const seed = wholeIn(values.seed, "--seed", 0);
  const simulation = new Simulation(seed, scenario, values.trace ? (line) => terminal.err(`${line}\n`) : undefined);
  try {
    const report = simulation.run();
    const misses = missesOf(scenario.expect, report);
    if (values.svg !== undefined) writeFileSync(values.svg, pictureOf(report, simulation.records));
    terminal.out(values.json ? `${JSON.stringify({ ...report, misses })}\n` : reportText(report, misses));
    if (misses.length === 0) return 0;
  } catch (error) {
    terminal.err(`darner: ${wordsOf(error)}\n`);
  }
  terminal.err(`Again: darner simulate ${argv.join(" ")}${argv.includes("--seed") ? "" : ` --seed ${String(seed)}`}\n`);
  return 1;
}

/** An error and what caused it, on one line. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${wordsOf(error.cause)}`;
}

type Words = Readonly<Partial<Record<string, string | boolean>>>;

function adjustmentsIn(words: Words): Adjustments {
  const read = <Value>(flag: string, reader: (text: string, flag: string) => Value): Value | undefined => {
    const text = words[flag];
    return typeof text === "string" ? reader(text, `--${flag}`) : undefined;
  };
  const spread = read("join-spread", numberIn);
  const rate = read("rate", rateIn);
  return withoutUndefined({
    hosts: read("peers", countIn),
    blobBytes: read("size", sizeIn),
    blobs: read("layers", countIn),
    upBytesPerSecond: read("up", rateIn) ?? rate,
    downBytesPerSecond: read("down", rateIn) ?? rate,
    sourceBytesPerSecond: read("source-rate", rateIn) ?? rate,
    sourceBytesPerSecondPerConnection: read("per-connection", rateIn),
    latencyMs: read("latency", numberIn),
    slicesPerPiece: read("slices", countIn),
    joinSpreadMs: spread === undefined ? undefined : 1000 * spread,
    lostShare: read("lose", shareIn),
    liarShare: read("liars", shareIn),
    racks: read("racks", countIn),
  });
}

function withoutUndefined(adjustments: { readonly [Key in keyof Adjustments]: Adjustments[Key] | undefined }): Adjustments {
  return Object.fromEntries(Object.entries(adjustments).filter(([, value]) => value !== undefined));
}

function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((each) => each.name === name);
  if (scenario !== undefined) return scenario;
  const known = SCENARIOS.map((each) => each.name);
  throw new UsageError(`there is no scenario ${name}`, { unknown: { word: name, known } });
}

function wholeIn(text: string, flag: string, least: number): number {
  const value = Number(text);
  if (text === "" || !Number.isSafeInteger(value) || value < least)
    throw new UsageError(`${flag} takes a whole number from ${String(least)}, not "${text}"`);
  return value;
}

function countIn(text: string, flag: string): number {
  return wholeIn(text, flag, 1);
}

function numberIn(text: string, flag: string): number {
  const value = Number(text);
  if (text === "" || !Number.isFinite(value) || value < 0) throw new UsageError(`${flag} takes a number from 0, not "${text}"`);
  return value;
}

function shareIn(text: string, flag: string): number {
  const share = numberIn(text, flag);
  if (share > 1) throw new UsageError(`${flag} takes a share from 0 to 1, not "${text}"`);
  return share;
}

function sizeIn(text: string, flag: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined || bytes < 1) throw new UsageError(`${flag} takes bytes, as 64MiB, not "${text}"`);
  return bytes;
}

const BITS = /^([0-9.]+) ?([kMG])bit$/;
const POWERS: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 };

/** Bytes a second. */
function rateIn(text: string, flag: string): number {
  const [, number = "", unit = ""] = BITS.exec(text) ?? [];
  const rate = unit === "" ? parseByteSize(text) : (Number(number) * (POWERS[unit] ?? 0)) / 8;
  if (rate === undefined || !(rate > 0)) throw new UsageError(`${flag} takes a rate, as 100Mbit or 12.5MB, not "${text}"`);
  return rate;
}
