import { readFile } from "node:fs/promises";
import { request } from "node:https";
import type { Config, Logger } from "@darner/runtime";

/** What a scheduler learns about the token of a service account. */
export type AccountVerdict =
  /** It is this account's, `namespace/name`, and it may join. */
  | { readonly type: "account"; readonly name: string }
  /** It is nobody's, not meant for Darner, or of an account that may not join. */
  | { readonly type: "refused" }
  /** The API server could not be asked, or could not say. */
  | { readonly type: "unverified" };

type KubernetesConfig = Config["join"]["kubernetes"];
type Review = { readonly status: number; readonly body: unknown };

// The API server answers in milliseconds; a host that joins waits as long.
const ANSWER_MS = 5000;
// A review has a few kilobytes.
const MAX_ANSWER_BYTES = 256 * 1024;
// Nobody is admitted faster than this anyway; a flood of tokens must not become a flood at the API server.
const MAX_AT_ONCE = 16;
const ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** Asks the API server whose tokens it was shown (authentication.k8s.io/v1 TokenReview). Never rejects. */
export class AccountReviewer {
  readonly #config: KubernetesConfig;
  readonly #log: Logger;
  #running = 0;

  constructor(config: KubernetesConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  async review(token: string): Promise<AccountVerdict> {
    if (this.#config.serviceAccounts.length === 0) return { type: "refused" };
    if (this.#running >= MAX_AT_ONCE) return { type: "unverified" };
    this.#running += 1;
    try {
      return this.#verdict(await this.#ask(token));
    } catch (error) {
      this.#log.warn("API server could not be asked about a service account", { apiServer: this.#config.apiServer, error });
      return { type: "unverified" };
    } finally {
      this.#running -= 1;
    }
  }

  #verdict({ status, body }: Review): AccountVerdict {
    if (status !== 200 && status !== 201) {
      this.#log.warn("API server refused to review a service account; the scheduler's own needs system:auth-delegator", { status });
      return { type: "unverified" };
    }
    const { authenticated, user, audiences } = reviewIn(body);
    const [, namespace = "", name = ""] = ACCOUNT.exec(user) ?? [];
    const account = `${namespace}/${name}`;
    const isMeant = authenticated && audiences.includes(this.#config.audience);
    if (isMeant && this.#config.serviceAccounts.includes(account)) return { type: "account", name: account };
    this.#log.info("service account may not join", { account: user, authenticated, audiences });
    return { type: "refused" };
  }

  /** The files are read every time: Kubernetes renews the token every hour. */
  async #ask(token: string): Promise<Review> {
    const { apiServer, caFile, reviewerTokenFile, audience } = this.#config;
    const [ca, own] = await Promise.all([readFile(caFile, "utf8"), readFile(reviewerTokenFile, "utf8")]);
    const body = JSON.stringify({
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token, audiences: [audience] },
    });
    return post(`${apiServer}/apis/authentication.k8s.io/v1/tokenreviews`, body, { ca, own: own.trim() });
  }
}

function post(url: string, body: string, { ca, own }: { readonly ca: string; readonly own: string }): Promise<Review> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${own}`, "content-type": "application/json", accept: "application/json" };
    const signal = AbortSignal.timeout(ANSWER_MS);
    const asked = request(url, { method: "POST", ca, headers, signal, agent: false }, (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on("data", (part: Buffer) => {
        bytes += part.length;
        if (bytes > MAX_ANSWER_BYTES) asked.destroy(new Error("the API server's answer is too long"));
        else parts.push(part);
      });
      response.on("error", reject);
      response.on("end", () => {
        try {
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(parts).toString("utf8")) as unknown });
        } catch {
          // The cause is left out: it could quote the answer, which quotes the token.
          reject(new Error("the API server's answer is no JSON"));
        }
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function reviewIn(body: unknown): { readonly authenticated: boolean; readonly user: string; readonly audiences: readonly unknown[] } {
  const status = (body as { status?: { authenticated?: unknown; user?: { username?: unknown } | null; audiences?: unknown } | null } | null)
    ?.status;
  const user = status?.user?.username;
  return {
    authenticated: status?.authenticated === true,
    user: typeof user === "string" ? user : "",
    audiences: Array.isArray(status?.audiences) ? (status.audiences as unknown[]) : [],
  };
}
