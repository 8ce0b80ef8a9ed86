import type { IncomingMessage } from "node:http";
import type { z } from "zod";

/** Who may ask: everybody; whoever shows a token; or everybody, where a token that is shown has to be right. */
export type RouteAccess = "open" | "token" | "checked";

/** What a route is given. */
export type ApiRequest = {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** The JSON that was sent; undefined where there was no body. */
  readonly body: unknown;
  readonly message: IncomingMessage;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
};

/** What a route answers: JSON, a text, or JSON values one after the other as server-sent events. */
export type ApiAnswer =
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly status: number; readonly text: string; readonly contentType?: string }
  | { readonly status: 200; readonly events: AsyncIterable<unknown> };

/** One route of the scheduler's HTTP side. A part of the path that begins with a colon stands for one segment. */
export type ApiRoute = {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly access: RouteAccess;
  /** Which face it belongs to, for metrics. */
  readonly face: "health" | "harbor" | "kraken" | "legacy" | "api";
  /** What it does, for the API's description; routes of other people's APIs have none. */
  readonly about?: {
    readonly summary: string;
    readonly params?: Readonly<Record<string, string>>;
    readonly query?: z.ZodObject;
    readonly body?: z.ZodType;
    readonly answer: z.ZodType;
  };
  readonly handle: (request: ApiRequest) => Promise<ApiAnswer> | ApiAnswer;
};

/** What is wrong, as an answer: a sentence, under the two names that this API's and Dragonfly's clients look for it. */
export function problem(status: number, sentence: string, headers?: Readonly<Record<string, string>>): ApiAnswer {
  return { status, body: { error: sentence, message: sentence }, ...(headers === undefined ? {} : { headers }) };
}
