import type { Logger, Timers } from "@darner/runtime";
import { sleep } from "@darner/runtime";
import type { Applier, Undone } from "./apply/apply.ts";
import type { ProbeOutcome } from "./cri/probe.ts";
import type { Plan } from "./plan.ts";

/** What a lease works with. */
export type LeaseDeps = {
  readonly log: Logger;
  readonly timers: Timers;
  /** Whether the daemon can serve now. */
  readonly isReady: (signal: AbortSignal) => Promise<boolean>;
  /** What has to be changed so that the runtime knows the mirror; no changes where all is as it should be. */
  readonly plan: () => Promise<Plan>;
  readonly applier: Pick<Applier, "apply" | "undo">;
  /** Proves that the runtime asks the mirror; absent where it cannot be proven. */
  readonly probe?: (signal: AbortSignal) => Promise<ProbeOutcome>;
  /** Told whenever the lease changes. */
  readonly onState?: (state: LeaseState) => void;
  /** Told at every change, and every half minute: the daemon tells it for a process that has no port. */
  readonly onReport?: (report: LeaseReport) => void;
};

/** How the lease stands, for those who watch the node. */
export type LeaseReport = {
  readonly state: LeaseState;
  readonly probe: ProbeOutcome | "none";
  /** What is wrong and what to do; empty where all is well. */
  readonly problem: string;
};

/** `waiting`: the daemon does not serve; `held`: the runtime is told of the mirror; `refused`: it cannot be told, and is not. */
export type LeaseState = "waiting" | "held" | "refused";

// A daemon that starts is noticed this soon, and one that stopped, too.
const LOOK_MS = 1000;
// A daemon that misses this many looks in a row is gone: one slow answer on a busy node is not.
const MISSES = 3;
// Configuration management and k3s write their files anew now and then.
const ASSERT_MS = 30_000;
// A node that could not be told is tried again this soon: each try asks the cluster, too.
const AGAIN_MS = 10_000;
// A probe that arrived holds for this long: each one leaves a line in the runtime's log. One that did not is made again at every assertion.
const PROBE_MS = 600_000;

const LOST =
  "the runtime was told of the mirror and does not ask it: a probe pull did not come. See that its config_path is the directory that was " +
  "written (darner configure containerd --dry-run names it) and that it was restarted once after config_path was set";

/**
 * Holds the runtime's configuration while the daemon serves: writes it when the daemon is ready, writes it again where somebody took it
 * away, and puts back what was there when the daemon is gone or the signal says so. Resolves then, with what could not be put back.
 */
export async function holdLease(deps: LeaseDeps, signal: AbortSignal): Promise<Undone> {
  const lease = new Lease(deps);
  // What an earlier life left behind is taken away first: its daemon may not be here any more.
  await lease.giveUp();
  while (!signal.aborted) {
    await lease.look(signal);
    await sleep(LOOK_MS, signal, deps.timers).catch(() => undefined);
  }
  return lease.giveUp();
}

class Lease {
  readonly #deps: LeaseDeps;
  #state: LeaseState | undefined;
  #misses = 0;
  #assertedAt = -Infinity;
  // The last problems told of: they are told again only when they change.
  #told = "";
  #probe: ProbeOutcome | "none" = "none";
  #probedAt = -Infinity;

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
  }

  async look(signal: AbortSignal): Promise<void> {
    const isReady = await this.#deps.isReady(signal);
    this.#misses = isReady ? 0 : this.#misses + 1;
    if (signal.aborted) return;
    if (isReady) await this.#assert(signal);
    else if (this.#state === undefined || (this.#state !== "waiting" && this.#misses >= MISSES)) {
      await this.giveUp();
      this.#become("waiting");
    }
  }

  async giveUp(): Promise<Undone> {
    const undone = await this.#deps.applier.undo();
    for (const left of undone.left) this.#deps.log.warn("node set-up could not be taken back", { left });
    this.#assertedAt = -Infinity;
    this.#probe = "none";
    this.#probedAt = -Infinity;
    return undone;
  }

  async #assert(signal: AbortSignal): Promise<void> {
    const now = this.#deps.timers.now();
    if (now - this.#assertedAt < (this.#state === "refused" ? AGAIN_MS : ASSERT_MS)) return;
    this.#assertedAt = now;
    let paths = "";
    try {
      const { changes, problems } = await this.#deps.plan();
      paths = changes.map(({ path }) => path).join(", ");
      if (changes.length > 0) {
        await this.#deps.applier.apply(changes);
        this.#deps.log.info("node set up", { files: changes.map(({ path }) => path) });
        this.#probedAt = -Infinity;
      }
      this.#tell(problems);
      this.#become(changes.length === 0 && problems.length > 0 && this.#state !== "held" ? "refused" : "held");
      await this.#prove(now, signal);
    } catch (error) {
      this.#tell([unwritable(paths, error)]);
      this.#become("refused");
    }
    this.#report();
  }

  async #prove(now: number, signal: AbortSignal): Promise<void> {
    const { probe, log } = this.#deps;
    if (probe === undefined || this.#state !== "held" || (this.#probe === "arrived" && now - this.#probedAt < PROBE_MS)) return;
    const before = this.#probe;
    this.#probe = await probe(signal);
    this.#probedAt = now;
    if (this.#probe === before || signal.aborted) return;
    if (this.#probe === "lost") log.warn("node set-up problem", { problem: LOST });
    else log.info("node set-up probe", { outcome: this.#probe });
  }

  #report(): void {
    const problem = [this.#told, this.#probe === "lost" ? LOST : ""].filter((text) => text !== "").join("\n");
    this.#deps.onReport?.({ state: this.#state ?? "waiting", probe: this.#probe, problem });
  }

  #become(state: LeaseState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#deps.log.info("node set-up lease", { state });
    this.#deps.onState?.(state);
    if (state === "waiting") this.#report();
  }

  #tell(problems: readonly string[]): void {
    const told = problems.join("\n");
    if (told === this.#told) return;
    this.#told = told;
    for (const problem of problems) this.#deps.log.warn("node set-up problem", { problem });
  }
}

/** A disk that cannot be written, with the next step. */
function unwritable(paths: string, error: unknown): string {
  const what = paths === "" ? "this node's files" : paths;
  return (
    `${what} cannot be written (${String(error)}): make the directory writable for node set-up, or name another one that the runtime reads ` +
    "(--config-dir; nodeSetup.configDir and nodeSetup.paths in the chart); until then the node pulls from the registries"
  );
}
