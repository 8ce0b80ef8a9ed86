import { setTimeout as sleep } from "node:timers/promises";
import { ApiRefusal, type SchedulerApi } from "../cluster/scheduler-api.ts";
import type { CommandContext, ExitCode, Terminal } from "../command.ts";
import { hostLines, jobText, progressLine, type ToldJob } from "./told-job.ts";

// A scheduler that was restarted is back within seconds, and its jobs with it.
const RETRY_MS = 1000;
const MAX_RETRIES = 60;
// What fits below each other without hiding what was there before.
const MAX_LIVE_HOSTS = 10;

/**
 * Shows a job until it is over: on a terminal a line with a line below it for each host on its way, redrawn; elsewhere a line for each change.
 * Gives its last state. A scheduler that goes away meanwhile is waited for.
 */
export async function awaitJob(
  api: SchedulerApi,
  id: number,
  { terminal, signal }: Pick<CommandContext, "terminal" | "signal">,
  retryMs: number = RETRY_MS,
): Promise<ToldJob> {
  const view = new JobView(terminal);
  for (let retries = 0; ; retries += 1) {
    try {
      for await (const event of api.events(`/api/v1/jobs/${String(id)}/events`)) {
        retries = 0;
        view.show(event as ToldJob);
      }
      // The stream may have ended with the scheduler, or before the last word: what it says now counts.
      const now = (await api.ask("GET", `/api/v1/jobs/${String(id)}`)) as ToldJob;
      view.show(now);
      if (now.finishedAt !== undefined) {
        view.end();
        return now;
      }
    } catch (error) {
      if (signal.aborted || error instanceof ApiRefusal || retries >= MAX_RETRIES) throw error;
    }
    await sleep(retryMs, undefined, { signal });
  }
}

/** What people see of a job on its way. */
class JobView {
  readonly #terminal: Terminal;
  #shown = "";
  // Lines below the first that stand on the terminal now.
  #below = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(job: ToldJob): void {
    const { live, columns } = this.#terminal;
    const lines = [progressLine(job), ...(live ? hostLines(job, MAX_LIVE_HOSTS) : [])];
    // A line that wraps cannot be redrawn.
    const text = lines.map((line) => (live ? `${line.slice(0, columns - 1)}\u001b[K` : line)).join("\n");
    if (text === this.#shown) return;
    this.#shown = text;
    if (!live) {
      this.#terminal.err(`${text}\n`);
      return;
    }
    this.#terminal.err(`${this.#home()}${text}\u001b[J`);
    this.#below = lines.length - 1;
  }

  end(): void {
    if (this.#terminal.live) this.#terminal.err("\n");
  }

  #home(): string {
    return this.#below === 0 ? "\r" : `\r\u001b[${String(this.#below)}A`;
  }
}

/** Prints a job and says how it ended: every host has everything, or not. */
export function printJob(job: ToldJob, json: boolean, terminal: Terminal): ExitCode {
  terminal.out(json ? `${JSON.stringify(job)}\n` : jobText(job));
  return ["partial", "failed", "cancelled"].includes(job.state) ? 1 : 0;
}
