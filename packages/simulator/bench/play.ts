import { missesOf, Simulation, type Miss, type Report, type Scenario } from "../src/index.ts";

/** One scenario, played to its end. */
export type Played = {
  readonly scenario: Scenario;
  readonly report: Report;
  readonly misses: readonly Miss[];
  readonly records: Simulation["records"];
};

export function play(scenario: Scenario, seed: number): Played {
  const simulation = new Simulation(seed, scenario);
  const report = simulation.run();
  return { scenario, report, misses: missesOf(scenario.expect, report), records: simulation.records };
}

/** What matters of it, on one line. */
export function rowText({ scenario, report, misses }: Played): string {
  const { hosts, lastRatio, medianRatio, source, scheduler, worstRackCopies, cost, failures } = report;
  const figures = [
    `${String(hosts)} hosts`,
    `last ${lastRatio.toFixed(3)}`,
    `median ${medianRatio.toFixed(3)}`,
    `source ${source.copies.toFixed(3)}`,
    `messages ${scheduler.messagesPerPiece.toFixed(3)}`,
    ...(worstRackCopies > 0 ? [`into a rack ${worstRackCopies.toFixed(2)}`] : []),
    ...(failures.length > 0 ? [`${String(failures.length)} ended badly`] : []),
    `${cost.seconds.toFixed(1)} CPU-s`,
  ];
  const missed = misses.map(({ what, is, atMost }) => `  MISSED ${what}: ${is.toFixed(3)} > ${String(atMost)}`);
  return [`${scenario.name.padEnd(24)}${figures.join(", ")}`, ...missed].join("\n");
}
