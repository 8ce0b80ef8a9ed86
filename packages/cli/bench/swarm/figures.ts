import type { Measured } from "./measure.ts";
import type { CaseResult } from "./run-case.ts";

// Above this the machine, not the links, may have set the pace.
const MAX_UTILISATION = 0.7;
// Invariant 4: what may leave the registry.
const MAX_COPIES = 1.02;

/** What a case came to: medians over its rounds. */
export type Figures = {
  readonly name: string;
  /** Seconds of one node straight from the registry. */
  readonly unit: number;
  readonly bound: number;
  /** Last node of all straight from the registry; 0: not measured. */
  readonly straight: number;
  /** One node through its mirror, no peers; 0: not measured. */
  readonly alone: number;
  /** Last node through the mirrors, and how it spreads over the nodes. */
  readonly last: number;
  readonly p50: number;
  readonly p99: number;
  readonly overUnit: number;
  readonly overBound: number;
  readonly copies: number;
  readonly fallbacks: number;
  readonly cpuPerGigabyte: number;
  readonly utilisation: number;
  /** The machine kept up, so that the times say something. */
  readonly isValid: boolean;
  /** Undefined where the case has no goal, or its times say nothing. */
  readonly goalMet: boolean | undefined;
};

/** Draws the figures from a case's rounds. */
export function figuresOf(result: CaseResult): Figures {
  const { plan, swarm } = result;
  const [unit, straight, alone, last] = [result.unit, result.straight, result.alone, swarm].map((rounds) => median(rounds.map(lastOf)));
  const overUnit = (last ?? 0) / (unit ?? 1);
  const overBound = (last ?? 0) / result.boundSeconds;
  const utilisation = Math.max(...[result.unit, swarm].map((rounds) => median(rounds.map(({ cpu }) => cpu.utilisation))));
  const isValid = utilisation <= MAX_UTILISATION;
  const { goal } = plan;
  const speedUp = (unit ?? 0) / (alone ?? 1);
  return {
    name: plan.name,
    unit: unit ?? 0,
    bound: result.boundSeconds,
    straight: straight ?? 0,
    alone: alone ?? 0,
    last: last ?? 0,
    p50: median(swarm.map(({ seconds }) => quantile(seconds, 0.5))),
    p99: median(swarm.map(({ seconds }) => quantile(seconds, 0.99))),
    overUnit,
    overBound,
    copies: Math.max(...swarm.map(({ copies }) => copies)),
    fallbacks: swarm.reduce((sum, { fallbacks }) => sum + fallbacks, 0),
    cpuPerGigabyte: median(swarm.map((measured) => measured.cpuPerGigabyte)),
    utilisation,
    isValid,
    goalMet:
      isValid && Object.keys(goal).length > 0
        ? overUnit <= (goal.overUnit ?? Infinity) && overBound <= (goal.overBound ?? Infinity) && speedUp >= (goal.speedUp ?? 0)
        : undefined,
  };
}

/** What must hold at any load of the machine and does not; empty: all does. */
export function violations(result: CaseResult): string[] {
  const { plan, unit, straight, alone, swarm } = result;
  const wrong: string[] = [];
  for (const { ok, trouble } of [...unit, ...straight, ...alone, ...swarm]) if (!ok) wrong.push(`a pull failed: ${trouble}`);
  if (!result.digestsRight) wrong.push("a node has a layer that is not what its digest says");
  // Who lost its mirror in the middle asks the registry itself; what another mirror reads is what people compare, and no fault.
  if (plan.killOne || result.mirror !== "Darner") return wrong;
  const copies = Math.max(...swarm.map((measured) => measured.copies));
  if (copies > MAX_COPIES) wrong.push(`${copies.toFixed(4)} copies of the image left the registry, more than ${String(MAX_COPIES)}`);
  const fallbacks = swarm.reduce((sum, measured) => sum + measured.fallbacks, 0);
  if (fallbacks > 0) wrong.push(`${String(fallbacks)} requests of containerd went past the mirror`);
  return wrong;
}

function lastOf({ seconds }: Measured): number {
  return seconds.at(-1) ?? 0;
}

/** The middle one; of an even number the lower of both. 0 where there is none. */
function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((left, right) => left - right),
    0.5,
  );
}

/** The smallest value that is not below a share of all; `sorted` upwards. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
