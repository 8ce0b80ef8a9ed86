import { setTimeout as pause } from "node:timers/promises";
import type { Fields } from "../../test/kubernetes/object.ts";
import type { Container } from "./container.ts";

/** What a probe has found so far. */
export type ProbeState = "unknown" | "holds" | "fails";

type Thresholds = { readonly success: number; readonly failure: number };

/**
 * Asks a container's probe at its period until the signal says no more, and tells of every change: it holds after as many successes, and
 * fails after as many failures in a row, as its thresholds say.
 */
export async function watchProbe(
  container: Container,
  probe: Fields,
  onState: (state: ProbeState) => void,
  signal: AbortSignal,
): Promise<void> {
  const { success, failure }: Thresholds = {
    success: Number(probe["successThreshold"] ?? 1),
    failure: Number(probe["failureThreshold"] ?? 3),
  };
  const periodMs = Number(probe["periodSeconds"] ?? 10) * 1000;
  let state: ProbeState = "unknown";
  let inRow = 0;
  let last = false;
  await pause(Number(probe["initialDelaySeconds"] ?? 0) * 1000, undefined, { signal }).catch(() => undefined);
  while (!signal.aborted) {
    const holds = await container.probe(probe);
    inRow = holds === last ? inRow + 1 : 1;
    last = holds;
    const next: ProbeState = holds && inRow >= success ? "holds" : !holds && inRow >= failure ? "fails" : state;
    if (next !== state && !isEnded(signal)) onState(next);
    state = next;
    await pause(periodMs, undefined, { signal }).catch(() => undefined);
  }
}

function isEnded(signal: AbortSignal): boolean {
  return signal.aborted;
}
