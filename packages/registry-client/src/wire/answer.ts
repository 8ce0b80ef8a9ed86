import type { Dispatcher } from "undici";

type Headers = Readonly<Record<string, string | string[] | undefined>>;
type Controller = Dispatcher.DispatchController;

/** Takes a chunk of a body; the next one comes when what it returns has settled. */
export type ChunkSink = (chunk: Uint8Array) => void | Promise<void>;

/** A connection that could not be made, an answer that did not come, or a body that broke. */
export class WireError extends Error {
  /** Whether a status line had come. */
  readonly answered: boolean;

  constructor(answered: boolean, cause: unknown) {
    super(answered ? "the body broke" : "no answer came", { cause });
    this.name = "WireError";
    this.answered = answered;
  }
}

/** One response: its head, and a body that waits until somebody asks for it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body into `sink`, chunk by chunk as undici's parser cuts it, nothing copied. Rejects with `WireError`, or with what the sink threw. */
  pipe(sink: ChunkSink): Promise<void>;
  /** The body as one piece; `undefined`, and the connection given up, where it is longer than `maxBytes`. */
  bytes(maxBytes: number): Promise<Uint8Array | undefined>;
  /** Nobody wants the body: it is read away when it is short, so that the connection lives on, else the connection goes. */
  discard(): void;
}

/** What one exchange came to. */
export type ExchangeEnd = { readonly status: number | "error"; readonly bodyBytes: number };

// Reading away 64 KiB costs less than a new TLS connection; error bodies and redirect pages are shorter.
const MAX_DISCARDED_BYTES = 64 * 1024;

/** Sends one request over a dispatcher and resolves with its head; rejects with `WireError` or the signal's reason. */
export function exchange(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal | undefined,
  ended: (end: ExchangeEnd) => void,
): Promise<Answer> {
  signal?.throwIfAborted();
  const handler = new Exchange(options.method, signal, ended);
  dispatcher.dispatch(options, handler);
  return handler.head;
}

type Ending = { readonly ok: true } | { readonly ok: false; readonly error: unknown };

/** waiting → answered (head known, paused) → flowing (somebody reads) → ended. */
class Exchange implements Dispatcher.DispatchHandler, Answer {
  status = 0;
  headers: Headers = {};
  readonly #head = Promise.withResolvers<Answer>();
  readonly #body = Promise.withResolvers<undefined>();
  readonly #method: string;
  readonly #signal: AbortSignal | undefined;
  readonly #ended: (end: ExchangeEnd) => void;
  readonly #onAbort = (): void => {
    this.#fail(this.#signal?.reason);
  };
  #controller: Controller | undefined;
  #sink: ChunkSink | undefined;
  #pending: Promise<void> | undefined;
  #ending: Ending | undefined;
  #bodyBytes = 0;

  constructor(method: string, signal: AbortSignal | undefined, ended: (end: ExchangeEnd) => void) {
    this.#method = method;
    this.#signal = signal;
    this.#ended = ended;
    // Whoever never reads the body shall not get an unhandled rejection for it.
    this.#body.promise.catch(() => undefined);
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get head(): Promise<Answer> {
    return this.#head.promise;
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#ending !== undefined) controller.abort(new Error("nobody waits for this request any more"));
  }

  onResponseStart(controller: Controller, status: number, headers: Headers): void {
    if (status < 200 || this.#ending !== undefined) return;
    this.status = status;
    this.headers = headers;
    controller.pause();
    this.#head.resolve(this);
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    this.#bodyBytes += chunk.length;
    // The parser, resumed after a pause, begins with an empty chunk; to pause for that one would be to pause for ever.
    if (chunk.length === 0 || this.#ending !== undefined || this.#sink === undefined) return;
    try {
      const taken = this.#sink(chunk);
      if (taken !== undefined) this.#waitFor(controller, taken);
    } catch (error) {
      this.#fail(error);
    }
  }

  onResponseEnd(): void {
    this.#end({ ok: true });
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#end({ ok: false, error: new WireError(this.status !== 0, error) });
  }

  async pipe(sink: ChunkSink): Promise<void> {
    this.#sink = sink;
    this.#controller?.resume();
    await this.#body.promise;
  }

  async bytes(maxBytes: number): Promise<Uint8Array | undefined> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const tooLong = new Error("the body is too long");
    try {
      await this.pipe((chunk) => {
        length += chunk.length;
        if (length > maxBytes) throw tooLong;
        chunks.push(chunk);
      });
    } catch (error) {
      if (error === tooLong) return undefined;
      throw error;
    }
    return Buffer.concat(chunks, length);
  }

  discard(): void {
    // The Content-Length of a HEAD is that of a body that does not come.
    const length = this.#method === "HEAD" ? 0 : Number(this.headers["content-length"] ?? 0);
    if (length > MAX_DISCARDED_BYTES) {
      this.#fail(new Error("nobody wants this body"));
      return;
    }
    let read = 0;
    this.#sink = (chunk) => {
      read += chunk.length;
      if (read > MAX_DISCARDED_BYTES) throw new Error("nobody wants this body");
    };
    this.#controller?.resume();
  }

  #waitFor(controller: Controller, taken: Promise<void>): void {
    controller.pause();
    this.#pending = taken.then(
      () => {
        this.#pending = undefined;
        if (this.#ending === undefined) controller.resume();
      },
      (error: unknown) => {
        this.#pending = undefined;
        this.#fail(error);
      },
    );
  }

  /** Ends the exchange from this side: the sink failed, nobody wants it, or the signal said so. */
  #fail(error: unknown): void {
    if (this.#ending !== undefined) return;
    this.#end({ ok: false, error });
    this.#controller?.abort(error instanceof Error ? error : new Error("given up"));
  }

  #end(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    const whole = ending.ok || (this.status !== 0 && !(ending.error instanceof WireError));
    this.#ended({ status: whole ? this.status : "error", bodyBytes: this.#bodyBytes });
    if (!ending.ok) this.#head.reject(ending.error);
    // A sink still at work on the last chunk is waited for: whoever reads on must not overtake it.
    if (this.#pending === undefined || this.#signal?.aborted === true) this.#settleBody(ending);
    else void this.#pending.then(() => this.#settleBody(ending));
  }

  #settleBody(ending: Ending): void {
    if (ending.ok) this.#body.resolve(undefined);
    else this.#body.reject(ending.error);
  }
}
