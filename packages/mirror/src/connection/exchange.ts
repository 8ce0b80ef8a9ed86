import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { isLoopback, Secret } from "@darner/runtime";
import type { CancelTimer, Timers } from "@darner/runtime";
import type { MirrorMetrics, ResponseOutcome, RouteKind } from "../metrics.ts";
import type { Caller } from "../mirror-backend.ts";

/** What an exchange needs of the connection it is on. */
export interface Line {
  /** Whether the connection is to be closed after the response that is running. */
  readonly isClosing: boolean;
  /** Ends the connection now, gently. */
  end(): void;
}

/** What an exchange is given. */
export type ExchangeDeps = {
  readonly line: Line;
  readonly metrics: MirrorMetrics;
  readonly timers: Timers;
  readonly firstByteTimeoutMs: number;
  readonly stallTimeoutMs: number;
};

/** One request and its response, from the head that came in until nothing more will be sent. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly timers: Timers;
  readonly stallTimeoutMs: number;
  /** What the request turned out to be about. */
  route: RouteKind = "other";
  /** Echoed as `OCI-Namespace` where the client named the registry. */
  namespace: string | undefined;
  /** Settles when the response is over, however it ended. */
  readonly done: Promise<void>;
  readonly #response: ServerResponse;
  readonly #line: Line;
  readonly #metrics: MirrorMetrics;
  readonly #abort = new AbortController();
  readonly #settle: () => void;
  readonly #firstByteTimeoutMs: number;
  #startedAt = 0;
  #cancelFirstByte: CancelTimer = () => {};
  #outcome: ResponseOutcome | undefined;
  #closeAfter = false;
  #isOver = false;

  constructor(request: IncomingMessage, response: ServerResponse, deps: ExchangeDeps) {
    this.request = request;
    this.#response = response;
    this.#line = deps.line;
    this.#metrics = deps.metrics;
    this.timers = deps.timers;
    this.stallTimeoutMs = deps.stallTimeoutMs;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.done = promise;
    this.#settle = () => {
      resolve(undefined);
    };
    this.#firstByteTimeoutMs = deps.firstByteTimeoutMs;
    response.once("finish", () => {
      this.#over();
    });
  }

  /** It is this exchange's turn on its connection: the time for the first byte begins to run. */
  start(): void {
    this.#startedAt = this.timers.now();
    this.#cancelFirstByte = this.timers.setTimeout(() => {
      this.#abort.abort();
    }, this.#firstByteTimeoutMs);
  }

  /** Aborted when the client is gone, the mirror shuts down, or the first byte is overdue. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isHead(): boolean {
    return this.request.method === "HEAD";
  }

  /** Whether nothing can be sent any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get hasBegun(): boolean {
    return this.#response.headersSent;
  }

  /** A header of the request; several lines of it joined. */
  header(name: string): string | undefined {
    return this.request.headersDistinct[name]?.join(", ");
  }

  /** Who asks: the credential that came with the request and nothing else. */
  get caller(): Caller {
    const { authorization } = this.request.headers;
    return authorization === undefined ? {} : { authorization: new Secret(authorization) };
  }

  /** Where the client's socket is; empty once it is gone. */
  get clientAddress(): string {
    return this.request.socket.remoteAddress ?? "";
  }

  /** Whether the client sits on this very machine: a password may only be asked for over such a line (contract 4.4). */
  get isLoopback(): boolean {
    return isLoopback(this.clientAddress);
  }

  /** Closes the connection when the response is over. */
  closeAfter(): void {
    this.#closeAfter = true;
  }

  /** Sends the head. */
  begin(status: number, headers: OutgoingHttpHeaders): void {
    this.#cancelFirstByte();
    this.#outcome = outcomeOf(status);
    this.#response.writeHead(status, {
      "Docker-Distribution-API-Version": "registry/2.0",
      ...(this.namespace === undefined ? {} : { "OCI-Namespace": this.namespace }),
      ...headers,
      ...(this.#closeAfter || this.#line.isClosing ? { Connection: "close" } : {}),
    });
    this.#metrics.firstByteSeconds.observe({ route: this.route }, this.#elapsedSeconds());
  }

  /** Sends the head now: its body may be long in coming. */
  sendHead(): void {
    if (!this.#isOver) this.#response.flushHeaders();
  }

  /** Sends bytes of the body; resolves when they have left this process or never will: they may be overwritten then. */
  write(bytes: Uint8Array): Promise<void> {
    // Node calls no write callback on a socket that is destroyed but has not yet said so.
    if (this.#isOver || this.request.socket.destroyed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const onGone = (): void => {
      resolve(undefined);
    };
    this.request.socket.once("close", onGone);
    this.#response.write(bytes, () => {
      this.request.socket.off("close", onGone);
      resolve(undefined);
    });
    this.#metrics.sentBytes.inc({ route: this.route }, bytes.length);
    return promise;
  }

  /** Ends the response whole, `bytes` being the last of it. */
  finish(bytes?: Uint8Array): void {
    if (bytes === undefined || bytes.length === 0 || this.isHead) {
      this.#response.end();
      return;
    }
    this.#metrics.sentBytes.inc({ route: this.route }, bytes.length);
    this.#response.end(bytes);
  }

  /** Ends the response before its length is reached, so that the client sees a FIN and resumes elsewhere. */
  endShort(): void {
    if (this.#isOver) return;
    this.#outcome = "ended-short";
    this.#line.end();
    this.#over();
  }

  /** The connection is gone. */
  abandon(): void {
    if (this.#isOver) return;
    this.#outcome = "client-gone";
    this.#over();
  }

  /** The mirror shuts down and its patience is over: a 503 where nothing was sent yet, else a short end. */
  cutOff(): void {
    if (this.hasBegun) this.endShort();
    else this.#abort.abort();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelFirstByte();
    this.#abort.abort();
    this.#metrics.requests.inc({ route: this.route, outcome: this.#outcome ?? "client-gone" });
    this.#metrics.responseSeconds.observe({ route: this.route }, this.#elapsedSeconds());
    this.#settle();
  }

  #elapsedSeconds(): number {
    return (this.timers.now() - this.#startedAt) / 1000;
  }
}

function outcomeOf(status: number): ResponseOutcome {
  if (status < 300) return "2xx";
  if (status < 400) return "3xx";
  return status < 500 ? "4xx" : "5xx";
}
