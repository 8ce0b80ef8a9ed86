import { readFile } from "node:fs/promises";
import { parseReference } from "@darner/domain";
import { readApiWords } from "../cluster/scheduler-api.ts";
import { UsageError, type CommandContext, type ExitCode } from "../command.ts";
import { awaitJob, printJob } from "./await-job.ts";
import type { ToldJob } from "./told-job.ts";

const OPTIONS = {
  file: { type: "string" },
  scope: { type: "string" },
  count: { type: "string" },
  percent: { type: "string" },
  zone: { type: "string", multiple: true },
  host: { type: "string", multiple: true },
  label: { type: "string", multiple: true },
  platform: { type: "string", multiple: true },
  priority: { type: "string" },
  deadline: { type: "string" },
  pin: { type: "string" },
  "require-all": { type: "boolean", default: false },
  wait: { type: "boolean", default: false },
} as const;

/** Carries out `darner preheat`. */
export async function runPreheat(context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const { values, positionals, api } = readApiWords(context, OPTIONS);
  const images = [...positionals, ...(values.file === undefined ? [] : await imagesIn(values.file))];
  if (images.length === 0) throw new UsageError("name an image, or a file of images with --file");
  const wrong = images.find((image) => parseReference(image) === undefined);
  if (wrong !== undefined) throw new UsageError(`"${wrong}" is no image: [registry/]name[:tag][@digest]`);
  const body = {
    images,
    scope: scopeOf(values),
    ...(values.platform === undefined ? {} : { platforms: values.platform }),
    ...(values.priority === undefined ? {} : { priority: numberIn(values.priority, "--priority") }),
    ...(values.deadline === undefined ? {} : { deadlineSeconds: numberIn(values.deadline, "--deadline") }),
    ...(values.pin === undefined ? {} : { pinSeconds: numberIn(values.pin, "--pin") }),
    requireAll: values["require-all"],
  };
  try {
    const job = (await api.ask("POST", "/api/v1/jobs", body)) as ToldJob;
    if (values.wait) return printJob(await awaitJob(api, job.id, context), values.json, terminal);
    terminal.out(values.json ? `${JSON.stringify(job)}\n` : `${String(job.id)}\n`);
    return 0;
  } catch (error) {
    terminal.err(
      `darner: ${context.signal.aborted ? "interrupted; the job goes on" : error instanceof Error ? error.message : String(error)}\n`,
    );
    return 1;
  }
}

type ScopeValues = {
  readonly scope?: string | undefined;
  readonly count?: string | undefined;
  readonly percent?: string | undefined;
  readonly zone?: string[] | undefined;
  readonly host?: string[] | undefined;
  readonly label?: string[] | undefined;
};

function scopeOf({ scope, count, percent, zone, host, label }: ScopeValues): object {
  const narrows = [count, percent, zone, host, label].some((value) => value !== undefined);
  const kind = scope ?? (narrows ? "hosts" : "all-hosts");
  if (!["all-hosts", "all-seeds", "single-seed", "hosts"].includes(kind))
    throw new UsageError(`there is no scope "${kind}": all-hosts, all-seeds, single-seed or hosts`);
  if (kind !== "hosts") {
    if (narrows) throw new UsageError(`--count, --percent, --zone, --host and --label go with the scope hosts, not with ${kind}`);
    return { kind };
  }
  return {
    kind,
    ...(count === undefined ? {} : { count: numberIn(count, "--count") }),
    ...(percent === undefined ? {} : { percent: numberIn(percent, "--percent") }),
    ...(zone === undefined ? {} : { zones: zone }),
    ...(host === undefined ? {} : { names: host }),
    ...(label === undefined ? {} : { labels: Object.fromEntries(label.map(labelIn)) }),
  };
}

function labelIn(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`--label takes KEY=VALUE, not "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function numberIn(text: string, flag: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) throw new UsageError(`${flag} takes a number, not "${text}"`);
  return value;
}

async function imagesIn(path: string): Promise<readonly string[]> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new UsageError(`--file ${path} cannot be read: ${String(cause)}`, { cause });
  });
  return text
    .split("\n")
    .map((line) => line.replace(/#.*$/, "").trim())
    .filter((line) => line !== "");
}
