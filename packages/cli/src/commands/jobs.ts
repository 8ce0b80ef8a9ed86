import type { Command } from "../command.ts";
import { API_FLAGS } from "./api-flags.ts";

/** `darner jobs`: the preheats that were asked for. */
export const jobsCommand: Command = {
  name: "jobs",
  summary: "List the preheats, show one, or end one.",
  usage: "jobs [ID] [--cancel | --remove | --wait] [--state STATE] [--json]",
  about:
    "Without an id the newest jobs, a line each; with one, how far each host is and what failed. Exit code 1 where the job that is shown failed.",
  flags: [
    { flag: "--cancel", help: "End the job's work and keep its record." },
    { flag: "--remove", help: "End the job's work and forget it." },
    { flag: "--wait", help: "Wait until the job is over, and show how far it is." },
    { flag: "--state STATE", help: "Only jobs that are pending, running, succeeded, partial, failed or cancelled." },
    ...API_FLAGS,
  ],
  takesConfig: true,
  async run(context) {
    const { runJobs } = await import("../preheat/run-jobs.ts");
    return runJobs(context);
  },
};
