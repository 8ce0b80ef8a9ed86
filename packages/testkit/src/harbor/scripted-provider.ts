import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A request as a provider saw it; `rawHeaders` in the order and spelling of the wire. */
export type SeenRequest = {
  readonly method: string;
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly httpVersion: string;
  /** Counts connections from 1. */
  readonly connection: number;
};

/** What a provider answers, rightly or wrongly; `hang`: nothing, ever. */
export type ProviderAnswer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    }
  | "hang";

/** A P2P provider that says whatever a test wants, to find out how strict a simulated Harbor is. */
export class ScriptedProvider implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly #server: Server;
  readonly #scheme: string;
  readonly #answer: (request: SeenRequest) => ProviderAnswer;
  readonly #connections = new Map<object, number>();

  private constructor(answer: (request: SeenRequest) => ProviderAnswer, tls: { key: string; cert: string } | undefined) {
    this.#answer = answer;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#serve(request, response).catch(() => response.destroy());
    };
    this.#scheme = tls === undefined ? "http" : "https";
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  }

  static async open(answer: (request: SeenRequest) => ProviderAnswer, tls?: { key: string; cert: string }): Promise<ScriptedProvider> {
    const provider = new ScriptedProvider(answer, tls);
    provider.#server.listen(0, "127.0.0.1");
    await once(provider.#server, "listening");
    return provider;
  }

  get host(): string {
    return `127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  get endpoint(): string {
    return `${this.#scheme}://${this.host}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", rawHeaders, headers, httpVersion, socket } = request;
    const connection = this.#connections.get(socket) ?? this.#connections.size + 1;
    this.#connections.set(socket, connection);
    const seen = { method, path: url, rawHeaders, headers, body: await text(request), httpVersion, connection };
    this.requests.push(seen);
    const answer = this.#answer(seen);
    if (answer === "hang") return;
    response.writeHead(answer.status ?? 200, answer.headers ?? {});
    response.end(answer.body ?? "");
  }
}
