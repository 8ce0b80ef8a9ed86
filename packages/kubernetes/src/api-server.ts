import { readFile } from "node:fs/promises";
import { request } from "node:https";

/** Where the API server is, and what to show it. */
export type ApiServerConfig = {
  /** `https://host[:port]` */
  readonly apiServer: string;
  /** The certificates to trust for it, as PEM. */
  readonly caFile: string;
  /** The token of this pod's service account. */
  readonly tokenFile: string;
};

/** One request. */
export type ApiRequest = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  readonly path: string;
  readonly body?: unknown;
  /** Of the body; JSON where it is left away. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
};

/** What came back, whatever the status. */
export type ApiAnswer = { readonly status: number; readonly body: unknown };

// The API server answers in milliseconds.
const ANSWER_MS = 5000;
// Reviews, small secrets and nodes have kilobytes; a node with many images some tens of them.
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * Asks the API server. Rejects where it cannot be reached or says no JSON; every status is an answer.
 * The files are read every time: Kubernetes renews the token every hour.
 */
export async function askApiServer(config: ApiServerConfig, asked: ApiRequest): Promise<ApiAnswer> {
  const [ca, token] = await Promise.all([readFile(config.caFile, "utf8"), readFile(config.tokenFile, "utf8")]);
  return send(`${config.apiServer}${asked.path}`, asked, { ca, token: token.trim() });
}

function send(url: string, asked: ApiRequest, { ca, token }: { readonly ca: string; readonly token: string }): Promise<ApiAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>();
  const type = asked.body === undefined ? {} : { "content-type": asked.contentType ?? "application/json" };
  const headers = { authorization: `Bearer ${token}`, accept: "application/json", ...type };
  const timeout = AbortSignal.timeout(ANSWER_MS);
  const signal = asked.signal === undefined ? timeout : AbortSignal.any([timeout, asked.signal]);
  const sent = request(url, { method: asked.method, ca, headers, signal, agent: false }, (response) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    response.on("data", (part: Buffer) => {
      bytes += part.length;
      if (bytes > MAX_ANSWER_BYTES) sent.destroy(new Error("the API server's answer is too long"));
      else parts.push(part);
    });
    response.on("error", reject);
    response.on("end", () => {
      try {
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(parts).toString("utf8")) as unknown });
      } catch {
        // The cause is left out: it could quote the answer, which may quote a secret.
        reject(new Error("the API server's answer is no JSON"));
      }
    });
  });
  sent.on("error", reject);
  sent.end(asked.body === undefined ? undefined : JSON.stringify(asked.body));
  return promise;
}
