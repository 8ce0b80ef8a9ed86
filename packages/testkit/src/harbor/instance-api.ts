import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

/** A preheat provider's instance as somebody gave it to Harbor. */
export type GivenInstance = Record<string, unknown> & { readonly name: string };

/** The part of Harbor's API that makes it know a preheat provider, with its answers (contracts/harbor-preheat.md 2.1). */
export class HarborInstances {
  /** By name, credentials included, which Harbor itself never shows. */
  readonly given: Map<string, GivenInstance> = new Map();
  /** Each request, as `METHOD path`. */
  readonly asked: string[] = [];
  readonly #authorization: string;

  constructor(username: string, password: string) {
    this.#authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  }

  /** The status and the body of the answer to a request. */
  async answer(request: IncomingMessage): Promise<readonly [number, unknown]> {
    const [method, url] = [request.method ?? "", new URL(request.url ?? "", "http://harbor")];
    this.asked.push(`${method} ${url.pathname}`);
    const body = await text(request);
    if (request.headers.authorization !== this.#authorization)
      return [401, { errors: [{ code: "UNAUTHORIZED", message: "unauthorized" }] }];
    // Credentials are stored and never shown.
    if (method === "GET") return [200, [...this.given.values()].map(({ auth_info: _hidden, ...shown }) => shown)];
    const instance = JSON.parse(body) as GivenInstance;
    this.given.set(instance.name, { id: this.given.size + 1, ...instance });
    return [method === "POST" ? 201 : 200, undefined];
  }
}
