// npm run demo: a registry, a scheduler and four daemons on this machine; all four pull one image at once, then one of them again.
import { bytesText } from "../src/text.ts";
import { openDemoCluster, REGISTRY_BYTES_PER_SECOND, type DemoCluster } from "./demo-cluster.ts";
import { printTable } from "./report.ts";
import { runRound, type RoundResult } from "./round.ts";
import { Screen } from "./screen.ts";

// What the design allows the registry to send of a blob, whatever the number of nodes.
const MAX_RATIO = 1.02;
// What a shell makes of a command that Ctrl-C ended.
const INTERRUPTED = 130;

/** Shows the demo; the exit code is 0 where everything was right, 1 where a digest was wrong or the registry sent too much. */
async function main(screen: Screen, signal: AbortSignal): Promise<number> {
  screen.print("", screen.paint("bold", "Darner: four nodes pull one image at once, all on this machine"), "");
  screen.print(screen.paint("dim", "  starting a registry, a scheduler and four daemons …"));
  await using cluster = await openDemoCluster(signal);
  introduce(screen, cluster);
  screen.print("", screen.paint("bold", "Round 1: four empty nodes pull at once"), "");
  const first = await runRound(screen, cluster, cluster.nodes, signal);
  printTable(screen, first);
  const ratio = first.registryBytes / cluster.imageBytes;
  screen.print(
    `  The registry served ${bytesText(first.registryBytes)} for an image of ${bytesText(cluster.imageBytes)}: ${ratioText(screen, ratio)}`,
    `  for ${String(first.nodes.length)} nodes, where ${String(first.nodes.length)} that pull by themselves take ${String(first.nodes.length)}.00 ×.`,
  );
  screen.print("", screen.paint("bold", "Round 2: n1 pulls the same image again"), "");
  const second = await runRound(screen, cluster, cluster.nodes.slice(0, 1), signal);
  printTable(screen, second);
  screen.print(`  The registry served ${bytesText(second.registryBytes)}.`, "");
  return conclude(screen, [first, second], ratio);
}

function introduce(screen: Screen, { registry, scheduler, nodes, image, imageBytes, imageName }: DemoCluster): void {
  const speed = bytesText(REGISTRY_BYTES_PER_SECOND);
  screen.print(
    "",
    `  image      ${imageName}, ${String(image.layers.length)} layers, ${bytesText(imageBytes)}`,
    `  registry   ${registry.host}, slowed to ${speed}/s per request to be watched`,
    `  scheduler  ${scheduler}`,
    `  mirrors    ${nodes.map(({ name, mirror }) => `${name} ${mirror.replace("127.0.0.1", "")}`).join("  ")}`,
  );
}

function ratioText(screen: Screen, ratio: number): string {
  return screen.paint(ratio <= MAX_RATIO ? "good" : "bad", `${ratio.toFixed(2)} ×`);
}

function conclude(screen: Screen, rounds: readonly RoundResult[], ratio: number): number {
  const problems = rounds.flatMap(({ nodes }) =>
    nodes.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`])),
  );
  if (ratio > MAX_RATIO) problems.push(`the registry served ${ratio.toFixed(3)} × the image, more than ${String(MAX_RATIO)} ×`);
  if (problems.length > 0) {
    screen.print(...problems.map((problem) => `  ${screen.paint("bad", "wrong:")} ${problem}`), "");
    return 1;
  }
  screen.print(
    `  ${screen.paint("good", "Shown:")} each node read its own part from the registry and swapped it with the`,
    "  others, so one copy left the registry; every digest was checked, and what",
    "  a node holds it serves from its own disk.",
    "",
  );
  return 0;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const interrupted = new AbortController();

// Only the first counts: who asks again does not want to wait for an orderly end.
function interrupt(): void {
  for (const signal of SIGNALS) process.off(signal, interrupt);
  interrupted.abort(new Error("interrupted"));
}

for (const signal of SIGNALS) process.on(signal, interrupt);
using screen = new Screen(process.stdout, process.env);
try {
  process.exitCode = await main(screen, interrupted.signal);
} catch (error) {
  screen.print(
    "",
    interrupted.signal.aborted ? "  interrupted; everything is ended and removed" : `  ${screen.paint("bad", "failed:")} ${String(error)}`,
  );
  process.exitCode = interrupted.signal.aborted ? INTERRUPTED : 1;
}
for (const signal of SIGNALS) process.off(signal, interrupt);
