import type { SchedulerApi } from "../cluster/scheduler-api.ts";
import type { ExitCode, Terminal } from "../command.ts";
import { jobText, progressLine, type ToldJob } from "./told-job.ts";

/** Shows a job until it is over: a line that is redrawn on a terminal, a line for each change of it elsewhere. Gives its last state. */
export async function awaitJob(api: SchedulerApi, id: number, terminal: Terminal): Promise<ToldJob> {
  let last: ToldJob | undefined;
  let shown = "";
  for await (const event of api.events(`/api/v1/jobs/${String(id)}/events`)) {
    last = event as ToldJob;
    const line = progressLine(last);
    if (line === shown) continue;
    shown = line;
    terminal.err(terminal.live ? `\r${line.slice(0, terminal.columns - 1)}\u001b[K` : `${line}\n`);
  }
  if (terminal.live) terminal.err("\n");
  // The scheduler may have ended the stream with itself: what it says now counts.
  return last?.finishedAt === undefined ? ((await api.ask("GET", `/api/v1/jobs/${String(id)}`)) as ToldJob) : last;
}

/** Prints a job and says how it ended: every host has everything, or not. */
export function printJob(job: ToldJob, json: boolean, terminal: Terminal): ExitCode {
  terminal.out(json ? `${JSON.stringify(job)}\n` : jobText(job));
  return ["partial", "failed", "cancelled"].includes(job.state) ? 1 : 0;
}
