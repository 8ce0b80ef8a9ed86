import type { FuzzDice } from "../fuzz/fuzz-dice.ts";
import type { Driver, PreheatArtifact, PreheatStatus, ProviderClient } from "./driver.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json";

/** The driver `kraken`: a notification as a registry sends it; no token, no progress. */
export class KrakenDriver implements Driver {
  readonly #provider: ProviderClient;
  readonly #dice: FuzzDice;
  readonly #wallClock: () => number;

  constructor(provider: ProviderClient, dice: FuzzDice, wallClock: () => number) {
    this.#provider = provider;
    this.#dice = dice;
    this.#wallClock = wallClock;
  }

  health(): Promise<void> {
    return this.#provider.health("/health");
  }

  async preheat({ url, imageName, tag, digest }: PreheatArtifact): Promise<PreheatStatus> {
    const event = {
      Id: Array.from({ length: 32 }, () => LETTERS.charAt(this.#dice.below(LETTERS.length))).join(""),
      TimeStamp: this.#timestamp(),
      Action: "push",
      Target: { MediaType: MEDIA_TYPE, Digest: digest, Repository: imageName, Url: url, Tag: tag },
      Request: null,
      Actor: null,
    };
    await this.#provider.post("/registry/notifications", { Events: [event] });
    return { taskId: event.Id, state: "success", error: "", rows: [], line: undefined };
  }

  /** Never called by a task, as the notification is the end of it; makes no request. */
  progress(taskId: string): Promise<PreheatStatus> {
    return Promise.resolve({ taskId, state: "success", error: "", rows: [], line: undefined });
  }

  /** RFC 3339 with as many digits of the nanoseconds as are not zero. */
  #timestamp(): string {
    const digits = `${new Date(this.#wallClock()).toISOString().slice(20, 23)}${String(this.#dice.below(1_000_000)).padStart(6, "0")}`;
    const fraction = digits.replace(/0+$/, "");
    return `${new Date(this.#wallClock()).toISOString().slice(0, 19)}${fraction === "" ? "" : `.${fraction}`}Z`;
  }
}
