import type { IncomingMessage } from "node:http";
import type { HealthAnswer, Logger } from "@darner/runtime";
import type { ApiTokens } from "./api-tokens.ts";

/** One route of the API. A part of the path in braces stands for one segment. */
export type ApiRoute = {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly handle: (request: ApiRequest) => Promise<ApiAnswer> | ApiAnswer;
};

/** What a route is given; its caller has shown a token. */
export type ApiRequest = { readonly params: Readonly<Record<string, string>>; readonly message: IncomingMessage };

/** What a route answers, as JSON. */
export type ApiAnswer = { readonly status: number; readonly body: unknown };

/** The scheduler's API below `/api/`: whoever asks without a token learns nothing, not even which routes there are. */
export class Api {
  readonly routes: readonly ApiRoute[];
  readonly #tokens: ApiTokens;
  readonly #log: Logger;

  constructor(routes: readonly ApiRoute[], tokens: ApiTokens, log: Logger) {
    this.routes = routes;
    this.#tokens = tokens;
    this.#log = log;
  }

  /** The answer to a request below `/api/`; undefined for every other path. Never rejects. */
  async answer(message: IncomingMessage): Promise<HealthAnswer | undefined> {
    const path = (message.url ?? "").split("?", 1)[0] ?? "";
    if (!path.startsWith("/api/")) return undefined;
    try {
      if (!(await this.#tokens.opens(message.headers.authorization))) return problem(401, "a Bearer token is needed: api.tokenFile");
      const named = this.routes.flatMap((route) => {
        const params = paramsOf(route.path, path);
        return params === undefined ? [] : [{ route, params }];
      });
      const found = named.find(({ route }) => route.method === message.method);
      if (found === undefined) return named.length === 0 ? problem(404, "there is no such route") : problem(405, "not with this method");
      const { status, body } = await found.route.handle({ params: found.params, message });
      return json(status, body);
    } catch (error) {
      this.#log.error("request to the api failed", { path, error });
      return problem(500, "failed, see the scheduler's log");
    }
  }
}

/** What is wrong, as the body of an answer. */
export function problem(status: number, error: string): HealthAnswer {
  return json(status, { error });
}

function json(status: number, body: unknown): HealthAnswer {
  return { status, contentType: "application/json", body: `${JSON.stringify(body)}\n` };
}

function paramsOf(pattern: string, path: string): Readonly<Record<string, string>> | undefined {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name !== undefined) params[name] = given[at] ?? "";
    else if (part !== given[at]) return undefined;
  }
  return params;
}
