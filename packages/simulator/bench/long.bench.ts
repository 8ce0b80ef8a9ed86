// The simulator at full size: 1,000 and 10,000 hosts and 1 GiB, some 15 minutes of one core. Writes simulator.json, simulator.md and simulator-*.svg to docs/reports, with seed and commit.
// --peers N and --size BYTES make the swarms smaller (the larger one has ten times N), --only NAME,… plays some of the runs, --out DIR writes elsewhere.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { checkedOutCommit } from "../../../scripts/check/checked-out-commit.ts";
import { adjusted, coldPull, pictureOf, type Adjustments, type Expectation, type Scenario } from "../src/index.ts";
import { pageOf, type Row } from "./long-report.ts";
import { play, rowText } from "./play.ts";

const GIB = 1024 ** 3;
// 100 Mbit/s.
const LINK = 12_500_000;
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const { values } = parseArgs({
  options: {
    peers: { type: "string", default: "1000" },
    size: { type: "string", default: String(GIB) },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    out: { type: "string", default: join(ROOT, "docs/reports") },
  },
});
const [peers, size, seed] = [Number(values.peers), Number(values.size), Number(values.seed)];

function scenario(name: string, about: string, wanted: Adjustments, expect: Expectation): Scenario {
  return { ...adjusted(coldPull(peers), { blobBytes: size, ...wanted }), name, about, expect };
}

const cold = { lastRatio: 1.15, medianRatio: 1.1, sourceCopies: 1.02, messagesPerPiece: 0.2 };
const tenth = { sourceBytesPerSecondPerConnection: LINK / 10 };
const scenarios: readonly Scenario[] = [
  scenario("cold", "All begin at once.", {}, cold),
  scenario("cold-tenfold", "Ten times as many begin at once.", { hosts: 10 * peers }, cold),
  scenario("spread", "Hosts begin within 30 s.", { joinSpreadMs: 30_000 }, { worstUnits: 1.3, sourceCopies: 1.02 }),
  scenario("tenth-lost", "A tenth of the hosts dies in the middle.", { lostShare: 0.1 }, { sourceCopies: 1.05, lastRatio: 1.25 }),
  scenario(
    "racks",
    "Racks of fifty behind a link of a tenth of what they have together.",
    { racks: Math.max(1, Math.round(peers / 50)) },
    { rackCopies: 1.05, sourceCopies: 1.02, lastRatio: 1.15 },
  ),
  scenario(
    "slow-registry",
    "The registry's link has a quarter of the hosts' rate.",
    { sourceBytesPerSecond: LINK / 4 },
    { lastRatio: 1.2, sourceCopies: 1.02 },
  ),
  scenario(
    "fast-registry",
    "The hosts' links have a quarter of the registry's rate.",
    { upBytesPerSecond: LINK / 4, downBytesPerSecond: LINK / 4 },
    { lastRatio: 1.2, sourceCopies: 1.02 },
  ),
  scenario("per-connection", "One connection to the registry gets a tenth of its link.", tenth, { lastRatio: 1.2, sourceCopies: 1.02 }),
  // One connection alone would take ten units: seven times as fast.
  scenario("per-connection-alone", "The same, and one host alone.", { hosts: 1, ...tenth }, { worstUnits: 10 / 7, sourceCopies: 1.02 }),
  scenario("liars-1", "One host in a hundred sends wrong bytes.", { liarShare: 0.01 }, { lastRatio: 1.35, sourceCopies: 1.02 }),
  scenario("liars-5", "One host in twenty sends wrong bytes.", { liarShare: 0.05 }, { lastRatio: 1.4, sourceCopies: 1.05 }),
  scenario("liars-20", "One host in five sends wrong bytes.", { liarShare: 0.2 }, { lastRatio: 1.6, sourceCopies: 1.05 }),
];
const PICTURED = ["cold", "cold-tenfold", "tenth-lost"];

const only = values.only?.split(",");
mkdirSync(values.out, { recursive: true });
const commit = checkedOutCommit();
const rows: Row[] = [];
for (const each of scenarios) {
  if (only?.includes(each.name) === false) continue;
  const began = performance.now();
  const { records, ...rest } = play(each, seed);
  const row = { ...rest, wallSeconds: (performance.now() - began) / 1000 };
  console.log(`${rowText({ ...rest, records })}, ${row.wallSeconds.toFixed(0)} s on the wall`);
  if (PICTURED.includes(each.name)) writeFileSync(join(values.out, `simulator-${each.name}.svg`), pictureOf(rest.report, records));
  rows.push(row);
}
const results = rows.map(({ report, misses, wallSeconds, scenario: { about, expect } }) => ({
  about,
  expect,
  misses,
  wallSeconds,
  ...report,
}));
writeFileSync(join(values.out, "simulator.json"), `${JSON.stringify({ commit, seed, results }, null, 2)}\n`);
const pictures = PICTURED.filter((name) => rows.some((row) => row.scenario.name === name));
writeFileSync(join(values.out, "simulator.md"), pageOf(rows, { commit, seed, bytes: size, pictures }));
const prettier = join(ROOT, "node_modules/prettier/bin/prettier.cjs");
const written = ["simulator.json", "simulator.md"].map((name) => join(values.out, name));
execFileSync(process.execPath, [prettier, "--write", "--log-level", "warn", ...written]);
if (rows.some(({ misses }) => misses.length > 0)) process.exitCode = 1;
