import type { HostProgress, Job } from "@darner/preheat";
import { LruMap } from "@darner/runtime";

/** The one state Harbor knows for a job: exactly these three words (contracts/harbor-preheat.md 1.6). */
export type DragonflyState = "PENDING" | "SUCCESS" | "FAILURE";

type SuccessRow = { readonly url: string; readonly hostname: string; readonly ip: string };
type FailureRow = SuccessRow & { readonly description: string };

// A Harbor task log takes a table of thousands of rows and nobody reads more: 4000 rows of 200 bytes stay below 1 MiB.
const MAX_ROWS = 4000;
// Rows with long names: what is left of 1 MiB once the frame around them is counted.
const MAX_ROW_BYTES = 900_000;

/** How Harbor is to see a job. A job of which at least one host has everything is a success, with rows for the others (contract 6.4). */
export function dragonflyState({ state }: Job): DragonflyState {
  switch (state) {
    case "pending":
    case "running":
      return "PENDING";
    case "succeeded":
    case "partial":
      return "SUCCESS";
    case "failed":
    case "cancelled":
      return "FAILURE";
  }
}

/** A job as Dragonfly's manager answers it: what Harbor parses, and what else people see there; no header, no password. */
export function dragonflyRecord(job: Job): object {
  const state = dragonflyState(job);
  return {
    id: job.id,
    created_at: rfc3339(job.createdAt),
    updated_at: rfc3339(job.updatedAt),
    is_del: 0,
    task_id: `group_${String(job.id)}`,
    bio: "",
    type: "preheat",
    state,
    args: argsOf(job),
    result: state === "PENDING" ? null : resultOf(job, state),
  };
}

// The records of a thousand hosts are about 1 MiB each.
const MAX_TEXTS = 32;

/** Records as they are sent. Harbor asks for each task until it reads that it is over, people for one again and again: a job that has not changed is not written again. */
export class RecordTexts {
  readonly #texts = new LruMap<number, { readonly job: Job; readonly text: string }>({ maxEntries: MAX_TEXTS });

  of(job: Job): string {
    const known = this.#texts.get(job.id);
    if (known?.job === job) return known.text;
    const text = `${JSON.stringify(dragonflyRecord(job))}\n`;
    if (job.finishedAt !== undefined) this.#texts.set(job.id, { job, text });
    return text;
  }
}

function argsOf({ request }: Job): object {
  const [image] = request.images;
  const reference = image?.digest ?? image?.tag ?? "";
  const url =
    image === undefined
      ? ""
      : `${image.scheme ?? "https"}://${image.repository.registry}/v2/${image.repository.name}/manifests/${reference}`;
  return { type: "image", url, platform: (request.platforms ?? []).join(",") };
}

function resultOf(job: Job, state: DragonflyState): object {
  const [created, updated] = [rfc3339(job.createdAt), rfc3339(job.updatedAt)];
  const { failures, successes } = rowsOf(job);
  const results =
    state === "FAILURE" && failures.length === 0 ? [] : [{ scheduler_cluster_id: 1, failure_tasks: failures, success_tasks: successes }];
  const task = {
    task_uuid: `task_${String(job.id)}`,
    task_name: "preheat",
    state,
    results,
    error: state === "FAILURE" ? (job.error ?? "the job was cancelled") : "",
    created_at: created,
    ttl: 0,
  };
  return { group_uuid: `group_${String(job.id)}`, state, created_at: created, updated_at: updated, job_states: [task] };
}

/** Failures first, then as many successes as there is room for. */
function rowsOf(job: Job): { readonly failures: readonly FailureRow[]; readonly successes: readonly SuccessRow[] } {
  const room = { rows: MAX_ROWS, bytes: MAX_ROW_BYTES };
  const failures: FailureRow[] = [];
  for (const { url, hostName, ip, description } of job.failures) {
    const row = { url, hostname: hostName, ip, description };
    if (takes(room, row)) failures.push(row);
  }
  const successes: SuccessRow[] = [];
  for (const host of job.hosts.filter(isComplete)) {
    for (const url of job.contentUrls) {
      const row = { url, hostname: host.hostName, ip: host.ip };
      if (!takes(room, row)) return { failures, successes };
      successes.push(row);
    }
  }
  return { failures, successes };
}

function takes(room: { rows: number; bytes: number }, row: object): boolean {
  const bytes = JSON.stringify(row).length + 1;
  if (room.rows === 0 || bytes > room.bytes) return false;
  room.rows -= 1;
  room.bytes -= bytes;
  return true;
}

function isComplete({ state }: HostProgress): boolean {
  return state === "complete";
}

/** RFC 3339 in UTC, as Go reads it. */
function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
