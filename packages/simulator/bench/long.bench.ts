// The simulator at full size: 1,000 and 10,000 hosts and 1 GiB. Writes simulator.json, .svg and .md to docs/reports, with seed and commit.
// --peers N and --size BYTES make the swarms smaller (the larger one has ten times N), --out DIR writes elsewhere.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { adjusted, coldPull, pictureOf, type Adjustments, type Expectation, type Scenario } from "../src/index.ts";
import { play, rowText, type Played } from "./play.ts";

const GIB = 1024 ** 3;
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const { values } = parseArgs({
  options: {
    peers: { type: "string", default: "1000" },
    size: { type: "string", default: String(GIB) },
    seed: { type: "string", default: "1" },
    out: { type: "string", default: join(ROOT, "docs/reports") },
  },
});
const [peers, size, seed] = [Number(values.peers), Number(values.size), Number(values.seed)];

function scenario(name: string, about: string, wanted: Adjustments, expect: Expectation): Scenario {
  return { ...adjusted(coldPull(peers), { blobBytes: size, ...wanted }), name, about, expect };
}

const cold = { lastRatio: 1.15, medianRatio: 1.1, sourceCopies: 1.02, messagesPerPiece: 0.2 };
const scenarios: readonly Scenario[] = [
  scenario("cold", "All begin at once.", {}, cold),
  scenario("cold-tenfold", "Ten times as many begin at once.", { hosts: 10 * peers }, cold),
  scenario("spread", "Hosts begin within 30 s.", { joinSpreadMs: 30_000 }, { worstUnits: 1.3, sourceCopies: 1.02 }),
  scenario("tenth-lost", "A tenth of the hosts dies in the middle.", { lostShare: 0.1 }, { sourceCopies: 1.05, lastRatio: 1.25 }),
  scenario(
    "racks",
    "Racks of fifty behind a link of a tenth of what they have together.",
    { racks: peers / 50 },
    { rackCopies: 1.2, sourceCopies: 1.02 },
  ),
  scenario("liars-1", "One host in a hundred sends wrong bytes.", { liarShare: 0.01 }, { lastRatio: 1.25, sourceCopies: 1.05 }),
  scenario("liars-5", "One host in twenty sends wrong bytes.", { liarShare: 0.05 }, { lastRatio: 1.35, sourceCopies: 1.1 }),
  scenario("liars-20", "One host in five sends wrong bytes.", { liarShare: 0.2 }, { lastRatio: 1.6, sourceCopies: 1.5 }),
];

mkdirSync(values.out, { recursive: true });
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: ROOT, encoding: "utf8" }).trim();
const played: Omit<Played, "records">[] = [];
for (const each of scenarios) {
  const { records, ...rest } = play(each, seed);
  console.log(rowText({ ...rest, records }));
  if (each.name === "cold-tenfold") writeFileSync(join(values.out, "simulator.svg"), pictureOf(rest.report, records));
  played.push(rest);
}
const results = played.map(({ report, misses, scenario: { about, expect } }) => ({ about, expect, misses, ...report }));
writeFileSync(join(values.out, "simulator.json"), `${JSON.stringify({ commit, seed, results }, null, 2)}\n`);
writeFileSync(join(values.out, "simulator.md"), markdown(played, commit));
const prettier = join(ROOT, "node_modules/prettier/bin/prettier.cjs");
execFileSync(process.execPath, [
  prettier,
  "--write",
  "--log-level",
  "warn",
  join(values.out, "simulator.json"),
  join(values.out, "simulator.md"),
]);
if (played.some(({ misses }) => misses.length > 0)) process.exitCode = 1;

function markdown(all: readonly Omit<Played, "records">[], at: string): string {
  const rows = all.map(({ scenario: { name, about }, report, misses }) => {
    const { hosts, lastRatio, medianRatio, worstUnits, source, scheduler, worstRackCopies, reader, cost, trace } = report;
    const cells = [
      `${name}: ${about}`,
      hosts.toLocaleString("en-US"),
      lastRatio.toFixed(3),
      medianRatio.toFixed(3),
      worstUnits.toFixed(3),
      source.copies.toFixed(3),
      scheduler.messagesPerPiece.toFixed(3),
      worstRackCopies > 0 ? worstRackCopies.toFixed(2) : "–",
      `${(100 * reader.worstLag).toFixed(1)} %`,
      cost.seconds.toFixed(0),
      misses.map(({ what, atMost }) => `${what} > ${String(atMost)}`).join("; ") || "–",
      `\`${trace}\``,
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const heads = [
    "run",
    "hosts",
    "last / bound",
    "median / bound",
    "slowest / its own unit",
    "source copies",
    "messages a piece",
    "copies into a rack",
    "worst lag of a prefix",
    "CPU-s",
    "missed",
    "trace",
  ];
  return [
    "# The simulator at full size",
    "",
    `\`npm run bench:simulator:long\` at commit \`${at}\`, seed ${String(seed)}: hosts with equal links of 100 Mbit/s pull one cold blob of ${String(size / 2 ** 20)} MiB.`,
    "The bound is the least time there can be: S / B · (1 + log2(N) / P). The same seed and commit give the same traces.",
    "",
    "![pieces over time, and when the pulls ended](simulator.svg)",
    "",
    `| ${heads.join(" | ")} |`,
    `|${heads.map(() => " --- ").join("|")}|`,
    ...rows,
    "",
  ].join("\n");
}
