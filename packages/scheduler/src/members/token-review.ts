import { askApiServer, type ApiAnswer } from "@darner/kubernetes";
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

  #verdict({ status, body }: ApiAnswer): AccountVerdict {
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

  async #ask(token: string): Promise<ApiAnswer> {
    const { apiServer, caFile, reviewerTokenFile, audience } = this.#config;
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token, audiences: [audience] } };
    const asked = { method: "POST", path: "/apis/authentication.k8s.io/v1/tokenreviews", body } as const;
    return askApiServer({ apiServer, caFile, tokenFile: reviewerTokenFile }, asked);
  }
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
