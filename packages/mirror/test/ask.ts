import { request } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";

/** A whole answer. */
export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly distinct: NodeJS.Dict<string[]>;
  readonly body: Buffer;
};

/** What to ask besides the path, which goes out as it is written. */
export type AskOptions = { readonly method?: string; readonly headers?: OutgoingHttpHeaders; readonly body?: Uint8Array };

/** Sends one request on a connection of its own and reads the answer whole; rejects where it is cut short. */
export async function ask(port: number, path: string, options: AskOptions = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { method = "GET", headers = {}, body } = options;
  const outgoing = request({ port, host: "127.0.0.1", path, method, headers, agent: false }, resolve);
  outgoing.on("error", reject);
  outgoing.end(body);
  const incoming = await promise;
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, distinct: incoming.headersDistinct, body: Buffer.concat(chunks) };
}

/** The OCI code of an error body; throws where the body is no valid error body. */
export function codeOf(answer: Answer): string {
  const parsed = JSON.parse(answer.body.toString()) as { errors: { code: string; message: string }[] };
  const [first] = parsed.errors;
  if (first === undefined || first.message === "") throw new Error("an error body without a message");
  return first.code;
}
