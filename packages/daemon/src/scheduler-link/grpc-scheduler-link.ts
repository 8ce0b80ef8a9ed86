import { credentials } from "@grpc/grpc-js";
import type { Task } from "@darner/domain";
import {
  loadSchedulerService,
  readSchedulerMessage,
  SESSION_CHANNEL_OPTIONS,
  writeHostMessage,
  type Hello,
  type Holding,
  type HostMessage,
  type HostReport,
  type SchedulerStub,
  type SessionStream,
} from "@darner/protocol";
import type { Logger, Timers } from "@darner/runtime";
import type { SchedulerLink, SchedulerListener } from "./scheduler-link.ts";

/** What a link works with. */
export type SchedulerLinkDeps = { readonly listener: SchedulerListener; readonly timers: Timers; readonly log: Logger };

/** Where the schedulers are, in order, and what this host says first. */
export type SchedulerLinkConfig = { readonly schedulers: readonly string[]; readonly hello: Hello };

// A scheduler that does not greet within this time is taken for absent and the next one is tried.
const WELCOME_TIMEOUT_MS = 2000;
// After all were tried in vain: back within a second or two of the scheduler's return, without a storm from ten thousand hosts.
const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 2000;
// Holdings a message: 256 of up to 33 KiB stay below the 16 MiB a message may have.
const HOLDINGS_PER_MESSAGE = 256;
// Messages that wait for a scheduler that does not read; beyond it the session is given up and made anew.
const MAX_WAITING_REPORTS = 65_536;

type Outgoing = { reports: { task: Task; report: HostReport }[]; holdings: Holding[]; dropped: Task[] };

const nothing = (): Outgoing => ({ reports: [], holdings: [], dropped: [] });

/** Keeps one session with the first scheduler in order that answers, and makes a new one whenever it ends. */
export class GrpcSchedulerLink implements SchedulerLink {
  readonly #config: SchedulerLinkConfig;
  readonly #deps: SchedulerLinkDeps;
  readonly #Stub = loadSchedulerService().Stub;
  #stub: SchedulerStub | undefined;
  #stream: SessionStream | undefined;
  #scheduler: string | undefined;
  #outgoing: Outgoing = nothing();
  #flushing = false;
  #blocked = false;
  #next = 0;
  #retryMs = MIN_RETRY_MS;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(config: SchedulerLinkConfig, deps: SchedulerLinkDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** Begins to look for a scheduler; does nothing where none is configured. */
  start(): void {
    this.#connect();
  }

  get scheduler(): string | undefined {
    return this.#scheduler;
  }

  report(task: Task, report: HostReport): void {
    if (this.#scheduler === undefined) return;
    this.#outgoing.reports.push({ task, report });
    this.#flushSoon();
  }

  announce(holding: Holding): void {
    if (this.#scheduler === undefined) return;
    this.#outgoing.holdings.push(holding);
    this.#flushSoon();
  }

  dropped(task: Task): void {
    if (this.#scheduler === undefined) return;
    this.#outgoing.dropped.push(task);
    this.#flushSoon();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#stream?.end();
    this.#stream?.cancel();
    this.#stub?.close();
    await Promise.resolve();
  }

  #connect(): void {
    const address = this.#config.schedulers[this.#next];
    if (this.#closed || address === undefined) return;
    const stub = new this.#Stub(address, credentials.createInsecure(), SESSION_CHANNEL_OPTIONS) as unknown as SchedulerStub;
    const stream = stub.Session();
    this.#stub = stub;
    this.#stream = stream;
    this.#blocked = false;
    stream.on("data", (value: unknown) => {
      this.#receive(stream, value);
    });
    stream.on("drain", () => {
      this.#blocked = false;
      this.#flush();
    });
    stream.on("error", (error: Error) => {
      this.#deps.log.debug("scheduler session failed", { address, error });
      this.#end(stream);
    });
    stream.on("end", () => {
      this.#end(stream);
    });
    stream.write(writeHostMessage({ hello: this.#config.hello }));
    this.#cancelTimer = this.#deps.timers.setTimeout(() => {
      if (this.#scheduler === undefined) this.#end(stream);
    }, WELCOME_TIMEOUT_MS);
  }

  #receive(stream: SessionStream, value: unknown): void {
    if (stream !== this.#stream) return;
    try {
      const message = readSchedulerMessage(value);
      if (message.welcome !== undefined && this.#scheduler === undefined) this.#greeted(message.welcome.scheduler);
      for (const { task, order } of message.orders) this.#deps.listener.onOrder(task, order);
    } catch (error) {
      this.#deps.log.warn("scheduler broke the protocol, session ended", { error });
      this.#end(stream);
    }
  }

  #greeted(scheduler: string): void {
    this.#cancelTimer?.();
    this.#scheduler = scheduler;
    this.#retryMs = MIN_RETRY_MS;
    this.#outgoing = nothing();
    this.#deps.log.info("scheduler found", { scheduler, address: this.#config.schedulers[this.#next] });
    this.#outgoing.holdings.push(...this.#deps.listener.onFound());
    this.#flushSoon();
  }

  #end(stream: SessionStream): void {
    if (stream !== this.#stream) return;
    const wasLive = this.#scheduler !== undefined;
    this.#cancelTimer?.();
    this.#stream = undefined;
    this.#scheduler = undefined;
    this.#outgoing = nothing();
    stream.cancel();
    this.#stub?.close();
    if (this.#closed) return;
    if (wasLive) {
      this.#deps.log.warn("scheduler lost", { address: this.#config.schedulers[this.#next] });
      this.#deps.listener.onLost();
    }
    this.#tryNext(wasLive);
  }

  #tryNext(wasLive: boolean): void {
    this.#next = wasLive ? 0 : (this.#next + 1) % this.#config.schedulers.length;
    const triedAll = this.#next === 0;
    this.#cancelTimer = this.#deps.timers.setTimeout(
      () => {
        this.#connect();
      },
      triedAll ? this.#retryMs : 0,
    );
    if (triedAll && !wasLive) this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#scheduler === undefined) return;
    if (this.#blocked) {
      if (this.#outgoing.reports.length > MAX_WAITING_REPORTS) this.#end(stream);
      return;
    }
    const { reports, holdings, dropped } = this.#outgoing;
    this.#outgoing = nothing();
    for (let first = HOLDINGS_PER_MESSAGE; first < holdings.length; first += HOLDINGS_PER_MESSAGE) {
      this.#write(stream, { holdings: holdings.slice(first, first + HOLDINGS_PER_MESSAGE) });
    }
    if (reports.length + holdings.length + dropped.length > 0) {
      this.#write(stream, { reports, holdings: holdings.slice(0, HOLDINGS_PER_MESSAGE), dropped });
    }
  }

  #write(stream: SessionStream, message: Partial<HostMessage>): void {
    this.#blocked = !stream.write(writeHostMessage(message));
  }
}
