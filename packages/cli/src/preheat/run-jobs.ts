import { readApiWords } from "../cluster/scheduler-api.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { awaitJob, printJob } from "./await-job.ts";
import { jobLine, type ToldJob } from "./told-job.ts";

/** Carries out `darner jobs`. */
export async function runJobs(context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const { values, positionals, api } = readApiWords(context, {
    cancel: { type: "boolean", default: false },
    remove: { type: "boolean", default: false },
    wait: { type: "boolean", default: false },
    state: { type: "string" },
  });
  const [word, ...more] = positionals;
  if (more.length > 0 || (word !== undefined && !/^[0-9]+$/.test(word))) throw new UsageError("jobs takes one id, a whole number");
  if ([values.cancel, values.remove, values.wait].filter(Boolean).length > 1)
    throw new UsageError("--cancel, --remove and --wait do not go together");
  if (word === undefined && (values.cancel || values.remove || values.wait)) throw new UsageError("name the job by its id");
  try {
    if (word === undefined) {
      const query = values.state === undefined ? "" : `?state=${encodeURIComponent(values.state)}`;
      const { jobs } = (await api.ask("GET", `/api/v1/jobs${query}`)) as { jobs: readonly ToldJob[] };
      terminal.out(values.json ? `${JSON.stringify(jobs)}\n` : jobs.map((job) => `${jobLine(job)}\n`).join(""));
      return 0;
    }
    const path = `/api/v1/jobs/${word}`;
    if (values.remove) {
      await api.ask("DELETE", path);
      terminal.out(`job ${word} is forgotten\n`);
      return 0;
    }
    if (values.cancel) {
      printJob((await api.ask("POST", `${path}/cancel`)) as ToldJob, values.json, terminal);
      return 0;
    }
    const job = values.wait ? await awaitJob(api, Number(word), context) : ((await api.ask("GET", path)) as ToldJob);
    return printJob(job, values.json, terminal);
  } catch (error) {
    terminal.err(`darner: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
