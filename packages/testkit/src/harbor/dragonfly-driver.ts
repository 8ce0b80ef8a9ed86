import type { Driver, HarborVersion, PreheatArtifact, PreheatStatus, ProviderClient, TaskRow } from "./driver.ts";
import { decodeGoJson, encodeGoJson, goInt, goPointerSlice, goSlice, goString, goStruct, goTime, goUint } from "./go-json.ts";
import { goDurationText, goTimeText } from "./go-time.ts";

const SUCCESS_TASK = goStruct({ url: goString, hostname: goString, ip: goString });
const FAILURE_TASK = goStruct({ url: goString, hostname: goString, ip: goString, description: goString });
const RESULT = goStruct({
  scheduler_cluster_id: goUint,
  success_tasks: goPointerSlice(SUCCESS_TASK),
  failure_tasks: goPointerSlice(FAILURE_TASK),
});
const JOB_STATE = goStruct({ error: goString, results: goSlice(RESULT) });
const JOB = goStruct({
  id: goInt,
  created_at: goTime,
  updated_at: goTime,
  state: goString,
  result: goStruct({ job_states: goSlice(JOB_STATE) }),
});
type Job = (typeof JOB)["zero"];

const SCOPES: Readonly<Record<"2.16" | "2.12", readonly string[]>> = {
  "2.16": ["", "single_seed_peer", "all_seed_peers", "all_peers"],
  "2.12": ["", "single_peer", "all_peers"],
};

/** The driver `dragonfly` of Harbor 2.12 and later: the open API of Dragonfly's manager. */
export class DragonflyDriver implements Driver {
  readonly #provider: ProviderClient;
  readonly #version: Extract<HarborVersion, "2.16" | "2.12">;

  constructor(provider: ProviderClient, version: Extract<HarborVersion, "2.16" | "2.12">) {
    this.#provider = provider;
    this.#version = version;
  }

  health(): Promise<void> {
    return this.#provider.health("/healthy");
  }

  async preheat(artifact: PreheatArtifact): Promise<PreheatStatus> {
    const answer = await this.#provider.post("/oapi/v1/jobs", this.#body(artifact));
    const { id } = decodeGoJson(answer, JOB);
    return { taskId: String(id), state: "pending", error: "", rows: [], line: undefined };
  }

  async progress(taskId: string): Promise<PreheatStatus> {
    const job = decodeGoJson(await this.#provider.get(`/oapi/v1/jobs/${taskId}`), JOB);
    switch (job.state) {
      case "PENDING":
        return status(taskId, "pending", `Task [${taskId}] is running, start time=${goTimeText(job.created_at)}`);
      case "SUCCESS": {
        const rows = rowsOf(job);
        const line = `Task [${taskId}] is success with duration: ${goDurationText(job.created_at, job.updated_at)}`;
        return { ...status(taskId, "success", line), rows };
      }
      case "FAILURE": {
        const errors = job.result.job_states.map(({ error }) => ({ code: "UNKNOWN", message: error }));
        const error = errors.length === 0 ? "" : encodeGoJson({ errors });
        return { ...status(taskId, "fail", `Task [${taskId}] is fail with error: ${error}`), error };
      }
      default:
        throw new Error(`unknown state: ${job.state}`);
    }
  }

  #body({ url, headers, extraAttrs = {} }: PreheatArtifact): object {
    const { scope = "", cluster_ids: clusterIds = null } = extraAttrs;
    if (typeof scope !== "string" || !SCOPES[this.#version].includes(scope)) throw new Error(`invalid scope: ${String(scope)}`);
    return {
      type: "preheat",
      args: { type: "image", url, tag: "", filtered_query_params: "", headers, scope, concurrent_count: 0, timeout: 0 },
      scheduler_cluster_ids: this.#version === "2.12" ? null : clusterNumbers(clusterIds),
    };
  }
}

/** A policy's cluster ids go through a []uint: null within is 0, anything that is no natural number is refused. */
function clusterNumbers(given: unknown): readonly number[] | null {
  if (given === null) return null;
  if (!Array.isArray(given)) throw new Error("cluster_ids is not a list");
  return given.map((one: unknown) => {
    if (one === null) return 0;
    if (typeof one !== "number" || !Number.isSafeInteger(one) || one < 0) throw new Error(`invalid cluster id: ${JSON.stringify(one)}`);
    return one;
  });
}

function status(taskId: string, state: PreheatStatus["state"], line: string): PreheatStatus {
  return { taskId, state, error: "", rows: [], line };
}

function rowsOf({ result }: Job): TaskRow[] {
  return result.job_states.flatMap(({ results }) =>
    results.flatMap(({ scheduler_cluster_id: id, success_tasks: succeeded, failure_tasks: failed }) => [
      ...succeeded.map((task) => rowOf(String(id), "SUCCESS", task, "")),
      ...failed.map((task) => rowOf(String(id), "FAILURE", task, task?.description ?? "")),
    ]),
  );
}

function rowOf(cluster: string, state: TaskRow["state"], task: (typeof SUCCESS_TASK)["zero"] | null, error: string): TaskRow {
  // The driver follows the pointer without a look.
  if (task === null) throw new Error("runtime error: invalid memory address or nil pointer dereference");
  return { url: task.url, hostname: task.hostname, ip: task.ip, cluster, state, error };
}
