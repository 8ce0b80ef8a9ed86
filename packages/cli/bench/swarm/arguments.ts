import { parseArgs } from "node:util";
import { LONG_CASES, SHORT_CASES, USUAL, type ClientKind, type SwarmCase } from "./swarm-case.ts";

/** What was asked for on the command line. */
export type SwarmArguments = {
  readonly cases: readonly SwarmCase[];
  /** Results are written to this path with `.json`, `.md` and `.svg` behind it. */
  readonly out: string;
  readonly mirrorCommand: string | undefined;
};

export const USAGE = `usage: npm run bench:swarm -- [--only WORD] [--out PATH] [--mirror-command TEMPLATE] [options of a case]
       npm run bench:swarm:long
  --nodes 8  --rate 100mbit  --registry-rate 100mbit  --connection-rate 10mbit  --mtu 1500  --congestion reno  --size 64MiB  --layers 1
  --join-spread 0 (seconds)  --kill-one  --seed | --no-seed  --client http|containerd  --rounds 3  --no-straight
Without options of a case the usual ones are run (--long: all), with any of them a single one.
TEMPLATE runs another mirror on every node: {listen} {registry} {address} {name} {dir} {seed} are filled in.`;

const OPTIONS = {
  long: { type: "boolean" },
  only: { type: "string" },
  out: { type: "string" },
  "mirror-command": { type: "string" },
  nodes: { type: "string" },
  rate: { type: "string" },
  "registry-rate": { type: "string" },
  "connection-rate": { type: "string" },
  mtu: { type: "string" },
  congestion: { type: "string" },
  size: { type: "string" },
  layers: { type: "string" },
  "join-spread": { type: "string" },
  "kill-one": { type: "boolean" },
  seed: { type: "boolean" },
  client: { type: "string" },
  rounds: { type: "string" },
  straight: { type: "boolean" },
} as const;

const OF_NO_CASE = new Set(["long", "only", "out", "mirror-command"]);

type Values = ReturnType<typeof parsed>;

/** Reads the arguments; throws what is wrong with them. */
export function readArguments(args: readonly string[]): SwarmArguments {
  const values = parsed(args);
  const ofCase = Object.keys(values).some((name) => !OF_NO_CASE.has(name));
  const usual = values.long === true ? LONG_CASES : SHORT_CASES;
  const cases = ofCase ? [customCase(values)] : usual.filter(({ name }) => name.includes(values.only ?? ""));
  if (cases.length === 0) throw new Error(`no case has "${values.only ?? ""}" in its name: ${usual.map(({ name }) => name).join("; ")}`);
  return {
    cases,
    out: values.out ?? (values.long === true ? "docs/reports/swarm" : "swarm-bench"),
    mirrorCommand: values["mirror-command"],
  };
}

function parsed(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowNegative: true }).values;
}

function customCase(values: Values): SwarmCase {
  const rate = rateOf(values.rate) ?? USUAL.rate;
  const layers = wholeOf("layers", values.layers, 1, 64) ?? USUAL.layers;
  const size = sizeOf(values.size) ?? USUAL.layerBytes;
  return {
    ...USUAL,
    client: clientOf(values.client),
    nodes: wholeOf("nodes", values.nodes, 1, 100) ?? USUAL.nodes,
    rate,
    registryRate: rateOf(values["registry-rate"]) ?? rate,
    connectionRate: rateOf(values["connection-rate"]),
    congestion: values.congestion === undefined ? USUAL.congestion : [values.congestion],
    mtu: wholeOf("mtu", values.mtu, 1280, 9000) ?? USUAL.mtu,
    layers,
    layerBytes: Math.max(1, Math.floor(size / layers)),
    joinSpreadMs: (wholeOf("join-spread", values["join-spread"], 0, 600) ?? 0) * 1000,
    killOne: values["kill-one"] ?? false,
    seed: values.seed ?? false,
    rounds: wholeOf("rounds", values.rounds, 1, 100) ?? USUAL.rounds,
    straight: values.straight ?? true,
  };
}

function clientOf(text: string | undefined): ClientKind {
  if (text === undefined || text === "http" || text === "containerd") return text ?? USUAL.client;
  throw new Error(`--client takes http or containerd, not "${text}"`);
}

function wholeOf(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`--${name} takes a whole number from ${String(least)} to ${String(most)}, not "${text}"`);
}

function rateOf(text: string | undefined): number | undefined {
  return scaled(text, /^([0-9.]+)\s?(k|m|g)?bit(?:\/s)?$/i, { k: 1e3, m: 1e6, g: 1e9 }, "a rate, as in 100mbit");
}

function sizeOf(text: string | undefined): number | undefined {
  return scaled(text, /^([0-9.]+)\s?(k|m|g)?i?b$/i, { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }, "a size, as in 64MiB");
}

function scaled(text: string | undefined, form: RegExp, units: Readonly<Record<string, number>>, what: string): number | undefined {
  if (text === undefined) return undefined;
  const match = form.exec(text);
  const value = Math.round(Number(match?.[1]) * (units[match?.[2]?.toLowerCase() ?? ""] ?? 1));
  if (match !== null && Number.isFinite(value) && value > 0) return value;
  throw new Error(`"${text}" is not ${what}`);
}
