import type { LoadResult } from "./load/client.ts";

/** Grant latencies of a stretch of a run, in milliseconds. */
export type Latencies = { readonly count: number; readonly p50: number; readonly p99: number; readonly worst: number };

/** Those of what was asked from one second of a run on and before another, whichever way it was asked. */
export function latenciesOf({ openings, handOvers }: Pick<LoadResult, "openings" | "handOvers">, from: number, to = Infinity): Latencies {
  const sorted = [...openings, ...handOvers]
    .filter(({ atMs }) => atMs >= from * 1000 && atMs < to * 1000)
    .map(({ ms }) => ms)
    .sort((left, right) => left - right);
  const quantile = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
  return { count: sorted.length, p50: quantile(0.5), p99: quantile(0.99), worst: quantile(1) };
}
