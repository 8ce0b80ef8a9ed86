import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Timers } from "@darner/runtime";
import { Exchange } from "./exchange.ts";
import type { ExchangeDeps, Line } from "./exchange.ts";
import { endGently } from "./gentle-end.ts";

/** What every connection of a mirror shares. */
export type ConnectionDeps = Omit<ExchangeDeps, "line"> & {
  readonly timers: Timers;
  readonly lingerMs: number;
  /** Answers one exchange; never rejects. */
  readonly serve: (exchange: Exchange) => Promise<void>;
};

// A client that pipelines sends a handful of requests ahead; what is beyond is dropped and the connection closed after the answers.
const MAX_PIPELINED = 64;

/** One client connection: answers its requests one after the other, and ends gently. */
export class Connection implements Line {
  readonly #socket: Socket;
  readonly #deps: ConnectionDeps;
  readonly #waiting: Exchange[] = [];
  #running: Exchange | undefined;
  #isClosing = false;
  #isFull = false;
  #isEnded = false;

  constructor(socket: Socket, deps: ConnectionDeps) {
    this.#socket = socket;
    this.#deps = deps;
    // Node's HTTP server destroys a socket after a last response, with whatever it has not read; this connection ends gently instead.
    socket.destroySoon = () => {
      this.end();
    };
    // After CONNECT the HTTP server takes its own listener away, and an error without a listener ends the process.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#isEnded = true;
      this.#running?.abandon();
      this.#waiting.length = 0;
    });
  }

  get isClosing(): boolean {
    return this.#isClosing || (this.#isFull && this.#waiting.length === 0);
  }

  /** Takes a request that the HTTP parser has read. */
  accept(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isClosing || this.#isFull || this.#isEnded) return;
    this.#waiting.push(new Exchange(request, response, { ...this.#deps, line: this }));
    if (this.#waiting.length >= MAX_PIPELINED) this.#isFull = true;
    if (this.#running === undefined) this.#runNext();
  }

  /** Accepts no more requests; ends after the one that runs. Clients that pipeline send the others again. */
  finishUp(): void {
    this.#isClosing = true;
    this.#waiting.length = 0;
    if (this.#running === undefined) this.end();
  }

  /** Ends the responses that still run: at the end of a shutdown's grace, or when nothing has moved for too long. */
  cutOff(): void {
    this.finishUp();
    this.#running?.cutOff();
  }

  /** Nothing moves on the line: no more time for a response that cannot leave. */
  giveUp(): void {
    if (this.#running === undefined) this.end();
    else this.#running.endShort();
  }

  /** Input that is no HTTP: answered with `raw` unless a response is running, which is then the last one. */
  reject(raw: string): void {
    if (this.#isEnded) return;
    if (this.#running !== undefined) {
      this.finishUp();
      return;
    }
    if (this.#socket.writable) this.#socket.write(raw);
    this.end();
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#isClosing = true;
    this.#waiting.length = 0;
    endGently(this.#socket, this.#deps.lingerMs, this.#deps.timers);
  }

  #runNext(): void {
    const next = this.#waiting.shift();
    this.#running = next;
    if (next === undefined) {
      if (this.isClosing) this.end();
      return;
    }
    next.start();
    void this.#deps
      .serve(next)
      .then(() => next.done)
      .then(() => {
        this.#runNext();
      });
  }
}
