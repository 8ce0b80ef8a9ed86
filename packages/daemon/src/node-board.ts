import type { Timers } from "@darner/runtime";

/** How node set-up stands with the runtime of this node: it waits for the daemon, the runtime is told of the mirror, it cannot be told. */
export const NODE_SETUP_STATES = ["waiting", "held", "refused"] as const;

/** What became of the last probe pull: none was made, it came to this mirror, it did not, the runtime could not be asked. */
export const PROBE_OUTCOMES = ["none", "arrived", "lost", "unreachable"] as const;

/** What node set-up says of itself; it has no port of its own, so the daemon tells for it. */
export type NodeSetupReport = {
  readonly state: (typeof NODE_SETUP_STATES)[number];
  readonly probe: (typeof PROBE_OUTCOMES)[number];
  /** What is wrong and what to do, for people; empty where all is well. */
  readonly problem: string;
};

// A sentence with a file and the next step; several of them fit.
const MAX_PROBLEM_CHARS = 4000;
// Node set-up reports every half minute; three reports missed are an end without a word.
const FORGET_MS = 100_000;

/** Keeps what the node set-up of this node said last, for the status and the metrics. */
export class NodeBoard {
  readonly #timers: Timers;
  #last: { readonly report: NodeSetupReport; readonly at: number } | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Takes a report; false where it is none. */
  take(body: unknown): boolean {
    const report = reportIn(body);
    if (report !== undefined) this.#last = { report, at: this.#timers.now() };
    return report !== undefined;
  }

  /** What was said last; undefined where no node set-up runs. */
  latest(): NodeSetupReport | undefined {
    const isRecent = this.#last !== undefined && this.#timers.now() - this.#last.at <= FORGET_MS;
    return isRecent ? this.#last?.report : undefined;
  }
}

function reportIn(body: unknown): NodeSetupReport | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { state, probe, problem } = body as Record<string, unknown>;
  const [known, outcome] = [NODE_SETUP_STATES.find((one) => one === state), PROBE_OUTCOMES.find((one) => one === probe)];
  if (known === undefined || outcome === undefined || typeof problem !== "string") return undefined;
  return { state: known, probe: outcome, problem: problem.slice(0, MAX_PROBLEM_CHARS) };
}
