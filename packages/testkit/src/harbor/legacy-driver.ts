import {
  AlreadyReported,
  type Driver,
  type HarborVersion,
  type PreheatArtifact,
  type PreheatStatus,
  type ProviderClient,
} from "./driver.ts";
import { decodeGoJson, goString, goStruct } from "./go-json.ts";

const CREATED = goStruct({ ID: goString });
const INFO = goStruct({ ID: goString, startTime: goString, finishTime: goString, errorMsg: goString, Status: goString });

/** The driver `dragonfly` of Harbor 2.1 to 2.11: the API of Dragonfly 1. */
export class LegacyDriver implements Driver {
  readonly #provider: ProviderClient;
  readonly #isOldest: boolean;

  constructor(provider: ProviderClient, version: Extract<HarborVersion, "2.11" | "2.2">) {
    this.#provider = provider;
    this.#isOldest = version === "2.2";
  }

  health(): Promise<void> {
    return this.#provider.health("/_ping");
  }

  async preheat({ url, headers, imageName, tag, digest }: PreheatArtifact): Promise<PreheatStatus> {
    const optional = Object.fromEntries(Object.entries({ image: imageName, tag, digest }).filter(([, value]) => value !== ""));
    try {
      const { ID } = decodeGoJson(await this.#provider.post("/preheats", { type: "image", url, headers, ...optional }), CREATED);
      return statusOf(ID, "pending");
    } catch (error) {
      if (this.#isOldest || !(error instanceof AlreadyReported)) throw error;
      return statusOf(decodeGoJson(error.body, CREATED).ID, "success");
    }
  }

  async progress(taskId: string): Promise<PreheatStatus> {
    if (taskId === "") throw new Error("no task ID");
    const { Status: word, errorMsg } = decodeGoJson(await this.#provider.get(`/preheats/${taskId}`), INFO);
    switch (word) {
      case "SUCCESS":
        return statusOf(taskId, "success");
      case "FAIL":
      case "FAILED":
        // The oldest ones do not look for a failure and poll on.
        return this.#isOldest ? statusOf(taskId, "pending") : { ...statusOf(taskId, "fail"), error: errorMsg };
      default:
        return statusOf(taskId, "pending");
    }
  }
}

function statusOf(taskId: string, state: PreheatStatus["state"]): PreheatStatus {
  return { taskId, state, error: "", rows: [], line: undefined };
}
