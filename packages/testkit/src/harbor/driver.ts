import type { FuzzDice } from "../fuzz/fuzz-dice.ts";
import { authHeaders, credentialText, type Credential } from "./credential.ts";
import type { GoAnswer, GoClient } from "./go-client.ts";
import { encodeGoJson } from "./go-json.ts";

/** Which Harbor: they differ in what a `dragonfly` instance is called with. 2.2 is older still than 2.11: 208 and FAILED mean nothing to it. */
export type HarborVersion = "2.16" | "2.12" | "2.11" | "2.2";

/** An artifact as a policy hands it to a task. */
export type PreheatArtifact = {
  /** `<external URL>/v2/<project>/<repository>/manifests/<tag>`. */
  readonly url: string;
  /** `<project>/<repository>`. */
  readonly imageName: string;
  readonly tag: string;
  readonly digest: string;
  /** The pull token, as in `{"Authorization":"Bearer …"}`; empty: none. */
  readonly headers: Readonly<Record<string, string>>;
  /** The policy's extra attributes, unchecked. */
  readonly extraAttrs?: Readonly<Record<string, unknown>>;
};

/** How a preheat stands, as a driver tells the task. */
export type PreheatStatus = {
  readonly taskId: string;
  readonly state: "pending" | "success" | "fail";
  readonly error: string;
  /** Rows of the table in the task log. */
  readonly rows: readonly TaskRow[];
  /** What the driver itself writes into the task log. */
  readonly line: string | undefined;
};

/** One row of the table: a blob on a host. */
export type TaskRow = {
  readonly url: string;
  readonly hostname: string;
  readonly ip: string;
  readonly cluster: string;
  readonly state: "SUCCESS" | "FAILURE";
  readonly error: string;
};

/** What Harbor does with a provider of one kind. Every call rejects with the text that ends in the task log. */
export interface Driver {
  health(): Promise<void>;
  preheat(artifact: PreheatArtifact): Promise<PreheatStatus>;
  progress(taskId: string): Promise<PreheatStatus>;
}

/** A 208 on a POST: each driver decides what it means. */
export class AlreadyReported extends Error {
  readonly body: Uint8Array;

  constructor(body: Uint8Array) {
    super("http error: code 208, message status already reported");
    this.name = "AlreadyReported";
    this.body = body;
  }
}

/** What drivers have in common: an endpoint, a credential and a client. */
export class ProviderClient {
  readonly #endpoint: string;
  readonly #credential: Credential;
  readonly #client: GoClient;
  readonly #dice: FuzzDice;
  readonly #processLog: string[];

  constructor(endpoint: string, credential: Credential, client: GoClient, dice: FuzzDice, processLog: string[]) {
    this.#endpoint = endpoint;
    this.#credential = credential;
    this.#client = client;
    this.#dice = dice;
    this.#processLog = processLog;
  }

  /** A health check: here alone Harbor repairs the URL, and drops user and query. */
  async health(path: string): Promise<void> {
    await this.#get(repaired(this.#url(path)));
  }

  get(path: string): Promise<Uint8Array> {
    return this.#get(this.#url(path));
  }

  async post(path: string, value: unknown): Promise<Uint8Array> {
    const url = this.#url(path);
    try {
      const headers = { "Content-Type": "application/json", ...this.#headers() };
      const answer = await this.#client.send({ method: "POST", url, headers, body: encodeGoJson(value) });
      if (answer.status === 208) throw new AlreadyReported(answer.body);
      return bodyOf(answer, "POST");
    } catch (error) {
      this.#processLog.push(`Post ${url} with cred=${credentialText(this.#credential)}: ${String(error)}`);
      throw error;
    }
  }

  async #get(url: string): Promise<Uint8Array> {
    return bodyOf(await this.#client.send({ method: "GET", url, headers: this.#headers() }), "GET");
  }

  #headers(): Record<string, string> {
    return { Accept: "application/json", ...authHeaders(this.#credential, this.#dice) };
  }

  #url(path: string): string {
    return `${this.#endpoint.replace(/\/$/, "")}${path}`;
  }
}

function bodyOf({ status, statusLine, url, body }: GoAnswer, method: "GET" | "POST"): Uint8Array {
  if (status >= 200 && status <= 299) return body;
  throw new Error(`${method} ${JSON.stringify(url)} error: ${statusLine} ${new TextDecoder().decode(body)}`);
}

function repaired(url: string): string {
  const trimmed = url.trim().replace(/\/+$/, "");
  const whole = trimmed.includes("://") ? trimmed : `http://${trimmed}`;
  const [, scheme = "", authority = "", path = ""] = /^(https?):\/\/(?:[^@/?#]*@)?([^/?#]*)([^?#]*)/.exec(whole) ?? [];
  if (scheme === "") throw new Error(`unsupported scheme in ${JSON.stringify(url)}`);
  return `${scheme}://${authority}${path}`;
}
