import { systemClock, type Timers } from "@darner/runtime";
import { FuzzDice } from "../fuzz/fuzz-dice.ts";
import { DragonflyDriver } from "./dragonfly-driver.ts";
import { ProviderClient, type Driver, type HarborVersion, type PreheatArtifact, type PreheatStatus, type TaskRow } from "./driver.ts";
import { GoClient, type Exchange } from "./go-client.ts";
import { KrakenDriver } from "./kraken-driver.ts";
import { LegacyDriver } from "./legacy-driver.ts";
import { taskTable } from "./task-table.ts";

/** A provider instance as an admin sets it up. */
export type HarborInstance = {
  readonly vendor: "dragonfly" | "kraken";
  readonly endpoint: string;
  /** NONE, OAUTH, BASIC or CUSTOM; the API takes anything. Default: NONE. */
  readonly authMode?: string;
  readonly authInfo?: Readonly<Record<string, string>>;
  /** Skips the check of the certificate. */
  readonly insecure?: boolean;
};

/** How a simulated Harbor runs. */
export type HarborPlan = {
  readonly instance: HarborInstance;
  /** Default: 2.16. */
  readonly version?: HarborVersion;
  /** Between two polls; Harbor's is 10 s. */
  readonly tickMs?: number;
  /** How long a task is polled; Harbor's is 1801 s. */
  readonly limitMs?: number;
  /** Of everything random. */
  readonly seed?: number;
  readonly timers?: Timers;
  readonly wallClock?: () => number;
  /** What Harbor's machine trusts, PEM. */
  readonly ca?: string;
};

/** How a task of jobservice ended. */
export type TaskOutcome = {
  readonly status: "Success" | "Error" | "Stopped";
  /** Why, for an Error. */
  readonly error: string | undefined;
  /** What the user reads in Harbor's UI. */
  readonly log: readonly string[];
  /** The job's id, once the provider gave one. */
  readonly taskId: string | undefined;
  readonly rows: readonly TaskRow[];
  readonly polls: number;
};

const TICK_MS = 10_000;
const LIMIT_MS = 1_801_000;
// jobservice's own default.
const WORKERS = 10;

/** Harbor's side of a preheat, without Harbor: same calls, same patience, same strictness. */
export class HarborSimulator implements Disposable {
  /** What the processes (not the tasks) of Harbor log. */
  readonly processLog: string[] = [];
  readonly #plan: HarborPlan;
  readonly #client: GoClient;
  readonly #driver: Driver;
  readonly #timers: Timers;

  constructor(plan: HarborPlan) {
    this.#plan = plan;
    this.#timers = plan.timers ?? systemClock;
    const { instance, ca } = plan;
    this.#client = new GoClient({ insecure: instance.insecure ?? false, timers: this.#timers, ...(ca === undefined ? {} : { ca }) });
    this.#driver = this.#driverOf(plan);
  }

  /** Every request and answer so far. */
  get exchanges(): readonly Exchange[] {
    return this.#client.exchanges;
  }

  /** `Test Connection`: resolves where the UI would say Healthy, else rejects with what core logs. */
  ping(): Promise<void> {
    return this.#driver.health();
  }

  /** Executes a policy: one health check, then a task for each artifact, so many at once as jobservice has workers. */
  async execute(artifacts: readonly PreheatArtifact[], workers: number = WORKERS): Promise<readonly TaskOutcome[]> {
    await this.ping();
    const outcomes: TaskOutcome[] = [];
    const queue = artifacts.entries();
    const work = async (): Promise<void> => {
      for (const [at, artifact] of queue) outcomes[at] = await this.run(artifact);
    };
    await Promise.all(Array.from({ length: workers }, work));
    return outcomes;
  }

  /** Runs one task to its end. Stopping is noticed at the next tick and never told to the provider. */
  async run(artifact: PreheatArtifact, stop?: AbortSignal): Promise<TaskOutcome> {
    const task = new Task(this.#driver, this.#plan, this.#timers, stop);
    return task.run(artifact);
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }

  #driverOf({ instance, version = "2.16", seed = 1, wallClock = Date.now }: HarborPlan): Driver {
    const dice = new FuzzDice(seed);
    const { endpoint, authMode: mode = "NONE", authInfo: data } = instance;
    const credential = { mode, ...(data === undefined ? {} : { data }) };
    const provider = new ProviderClient(endpoint, credential, this.#client, dice, this.processLog);
    if (instance.vendor === "kraken") return new KrakenDriver(provider, dice, wallClock);
    switch (version) {
      case "2.16":
      case "2.12":
        return new DragonflyDriver(provider, version);
      case "2.11":
      case "2.2":
        return new LegacyDriver(provider, version);
    }
  }
}

class Task {
  readonly #driver: Driver;
  readonly #plan: HarborPlan;
  readonly #timers: Timers;
  readonly #stop: AbortSignal | undefined;
  readonly #log: string[] = [];
  #taskId: string | undefined;
  #polls = 0;

  constructor(driver: Driver, plan: HarborPlan, timers: Timers, stop: AbortSignal | undefined) {
    this.#driver = driver;
    this.#plan = plan;
    this.#timers = timers;
    this.#stop = stop;
  }

  async run(artifact: PreheatArtifact): Promise<TaskOutcome> {
    const { instance } = this.#plan;
    try {
      this.#validate(instance);
      this.#log.push(
        `Preheating image '${artifact.imageName}:${artifact.tag}@${artifact.digest}' to ${instance.vendor} ${instance.endpoint}`,
      );
      await this.#driver.health();
      this.#log.push("Check health of preheat provider instance: Healthy");
      const started = await this.#driver.preheat(artifact);
      this.#taskId = started.taskId;
      this.#log.push("Sending preheat request is successfully done");
      return started.state === "success" ? this.#succeeded(started) : await this.#poll(started.taskId);
    } catch (error) {
      return this.#over("Error", error instanceof Error ? error.message : String(error));
    }
  }

  /** What jobservice refuses before anything is sent. */
  #validate({ authMode = "NONE", authInfo = {}, endpoint }: HarborInstance): void {
    if (authMode !== "NONE" && Object.keys(authInfo).length === 0) throw new Error(`missing auth info for '${authMode}' auth mode`);
    if (endpoint === "") throw new Error("missing endpoint of preheat provider");
  }

  async #poll(taskId: string): Promise<TaskOutcome> {
    const { tickMs = TICK_MS, limitMs = LIMIT_MS } = this.#plan;
    const startedAt = this.#timers.now();
    for (let tick = 1; ;) {
      // A ticker of Go: it keeps its beat, and drops the ticks that a slow answer made it miss.
      await this.#pause(startedAt + Math.min(tick * tickMs, limitMs) - this.#timers.now());
      if (tick * tickMs > limitMs) return this.#over("Error", `status check timeout: ${goSeconds(limitMs)}`);
      if (this.#stop?.aborted === true) return this.#over("Stopped");
      this.#polls += 1;
      const status = await this.#driver.progress(taskId);
      if (status.line !== undefined) this.#log.push(status.line);
      if (status.state === "success") return this.#succeeded(status);
      if (status.state === "fail") return this.#over("Error", `preheat failed: ${status.error}`);
      tick = Math.max(tick + 1, Math.floor((this.#timers.now() - startedAt) / tickMs));
    }
  }

  #succeeded({ rows }: PreheatStatus): TaskOutcome {
    if (rows.length > 0) this.#log.push(...taskTable(rows));
    this.#log.push("Preheating is completed");
    return this.#over("Success", undefined, rows);
  }

  #over(status: TaskOutcome["status"], error?: string, rows: readonly TaskRow[] = []): TaskOutcome {
    if (error !== undefined) this.#log.push(`preheat job running error: ${error}`);
    return { status, error, log: this.#log, taskId: this.#taskId, rows, polls: this.#polls };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#timers.setTimeout(resolve, Math.max(0, ms));
    });
  }
}

function goSeconds(ms: number): string {
  const seconds = ms / 1000;
  return seconds < 60 ? `${String(seconds)}s` : `${String(Math.floor(seconds / 60))}m${String(seconds % 60)}s`;
}
