import { parseByteSize } from "@darner/runtime";
import { adjusted, missesOf, reportText, SCENARIOS, Simulation, type Adjustments, type Scenario } from "@darner/simulator";
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
    json: { type: "boolean", default: false },
  });
  if (values.list) {
    terminal.out(SCENARIOS.map(({ name, about, expect }) => `${name}: ${about} ${JSON.stringify(expect)}\n`).join(""));
    return 0;
  }
  const scenario = adjusted(scenarioNamed(values.scenario), adjustmentsIn(values));
  const seed = wholeIn(values.seed, "--seed", 0);
  const simulation = new Simulation(seed, scenario, values.trace ? (line) => terminal.err(`${line}\n`) : undefined);
  const report = simulation.run();
  const misses = missesOf(scenario.expect, report);
  terminal.out(values.json ? `${JSON.stringify({ ...report, misses })}\n` : reportText(report, misses));
  return misses.length === 0 ? 0 : 1;
}

type Words = { readonly [Key in "peers" | "size" | "layers" | "rate" | "up" | "down" | "latency" | "slices"]?: string | undefined } & {
  readonly "source-rate"?: string | undefined;
  readonly "per-connection"?: string | undefined;
};

function adjustmentsIn(words: Words): Adjustments {
  const set = (key: keyof Adjustments, value: number | undefined): Adjustments => (value === undefined ? {} : { [key]: value });
  const rate = rateIn(words.rate, "--rate");
  return {
    ...set("hosts", words.peers === undefined ? undefined : wholeIn(words.peers, "--peers", 1)),
    ...set("blobBytes", sizeIn(words.size)),
    ...set("blobs", words.layers === undefined ? undefined : wholeIn(words.layers, "--layers", 1)),
    ...set("upBytesPerSecond", rateIn(words.up, "--up") ?? rate),
    ...set("downBytesPerSecond", rateIn(words.down, "--down") ?? rate),
    ...set("sourceBytesPerSecond", rateIn(words["source-rate"], "--source-rate") ?? rate),
    ...set("sourceBytesPerSecondPerConnection", rateIn(words["per-connection"], "--per-connection")),
    ...set("latencyMs", words.latency === undefined ? undefined : numberIn(words.latency, "--latency")),
    ...set("slicesPerPiece", words.slices === undefined ? undefined : wholeIn(words.slices, "--slices", 1)),
  };
}

function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((each) => each.name === name);
  if (scenario !== undefined) return scenario;
  const known = SCENARIOS.map((each) => each.name);
  throw new UsageError(`there is no scenario ${name}`, { unknown: { word: name, known } });
}

function wholeIn(text: string, flag: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new UsageError(`${flag} takes a whole number from ${String(least)}, not "${text}"`);
  return value;
}

function numberIn(text: string, flag: string): number {
  const value = Number(text);
  if (text === "" || !Number.isFinite(value) || value < 0) throw new UsageError(`${flag} takes a number from 0, not "${text}"`);
  return value;
}

function sizeIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseByteSize(text);
  if (bytes === undefined || bytes < 1) throw new UsageError(`--size takes bytes, as 64MiB, not "${text}"`);
  return bytes;
}

const BITS = /^([0-9.]+) ?([kMG])bit$/;
const POWERS: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 };

/** Bytes a second. */
function rateIn(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const [, number = "", unit = ""] = BITS.exec(text) ?? [];
  const rate = unit === "" ? parseByteSize(text) : (Number(number) * (POWERS[unit] ?? 0)) / 8;
  if (rate === undefined || !(rate > 0)) throw new UsageError(`${flag} takes a rate, as 100Mbit or 12.5MB, not "${text}"`);
  return rate;
}
