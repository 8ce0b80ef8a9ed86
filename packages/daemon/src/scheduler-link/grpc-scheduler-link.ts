import { credentials, status, type ChannelCredentials, type ServiceError } from "@grpc/grpc-js";
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
  type PublicFact,
  type SchedulerStub,
  type SessionStream,
  type WarmReport,
  type Welcome,
  WireError,
} from "@darner/protocol";
import type { Logger, Timers } from "@darner/runtime";
import { Outbox } from "./outbox.ts";
import { PinnedCredentials } from "./pinned-credentials.ts";
import type { SchedulerJoin } from "./scheduler-join.ts";
import type { FactBook, SchedulerLink, SchedulerListener, WarmListener } from "./scheduler-link.ts";

/** What a link works with. */
export type SchedulerLinkDeps = {
  readonly listener: SchedulerListener;
  readonly facts: FactBook;
  readonly warming: WarmListener;
  readonly timers: Timers;
  /** Spreads the return of many hosts to one scheduler: a number in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** A scheduler was there and was not, or did not let this host be, of use: for the metrics. */
  readonly onRefused?: (reason: Refusal) => void;
};

/** Where the schedulers are, in order, and what this host says first; without `join` sessions are plain and nothing is shown. */
export type SchedulerLinkConfig = { readonly schedulers: readonly string[]; readonly hello: Hello; readonly join?: SchedulerJoin };

/** Why a scheduler could not be used, where it is not merely absent. */
type Refusal = "wrong-signing-key" | "removed" | "not-a-member";

// A scheduler that does not greet within this time is taken for absent and the next one is tried.
const WELCOME_TIMEOUT_MS = 2000;
// A scheduler that has to ask Kubernetes whose token it was shown waits up to 5 s for that.
const JOIN_TIMEOUT_MS = 7000;
// After all were tried in vain: back within a second or two of the scheduler's return, without a storm from ten thousand hosts.
const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 2000;
// A session that ends sooner is no success: two hosts with one key would otherwise drive each other out many times a second.
const SETTLED_MS = 10_000;
// What waits for a scheduler that does not read; beyond it the session is given up and made anew.
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
// A scheduler that runs answers a good-bye at once; the daemon's end does not wait for one that hangs.
const GOODBYE_MS = 500;

const WHAT_TO_DO: Readonly<Record<Refusal, string>> = {
  "wrong-signing-key":
    "its signing key is not the one the join token names: is this the right scheduler? If the cluster was begun anew, create a new token (darner token create)",
  removed:
    "it was removed (darner hosts remove); to join again remove host.key and host.crt in its data directory and give it a valid token",
  "not-a-member":
    "its join token is unknown there, revoked or expired: create a new one (darner token create) and put it where join.tokenFile says",
};

// Schedulers are in the cluster: a proxy for the world outside has no part in it.
const CHANNEL_OPTIONS = { ...SESSION_CHANNEL_OPTIONS, "grpc.enable_http_proxy": 0 };

/** Keeps one session with the first scheduler in order that answers, and makes a new one whenever it ends. */
export class GrpcSchedulerLink implements SchedulerLink {
  readonly #config: SchedulerLinkConfig;
  readonly #deps: SchedulerLinkDeps;
  readonly #Stub = loadSchedulerService().Stub;
  #stub: SchedulerStub | undefined;
  #stream: SessionStream | undefined;
  #scheduler: string | undefined;
  #outbox = new Outbox();
  #flushing = false;
  // One message at a time: what is said meanwhile travels together in the next, and nothing piles up in gRPC.
  #isWriting = false;
  #next = 0;
  #retryMs = MIN_RETRY_MS;
  #greetedAt = 0;
  #cancelTimer: (() => void) | undefined;
  #closed = false;
  /** Said once for each change, not with every try. */
  #refusal: Refusal | undefined;

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
    this.#outbox.report(task, report);
    this.#flushSoon();
  }

  announce(holding: Holding): void {
    if (this.#scheduler === undefined) return;
    this.#outbox.announce(holding);
    this.#flushSoon();
  }

  dropped(task: Task): void {
    if (this.#scheduler === undefined) return;
    this.#outbox.dropped(task);
    this.#flushSoon();
  }

  tellPublic(fact: PublicFact): void {
    if (this.#scheduler === undefined) return;
    this.#outbox.publicFact(fact);
    this.#flushSoon();
  }

  tellWarmed(report: WarmReport): void {
    if (this.#scheduler === undefined) return;
    this.#outbox.warmed(report);
    this.#flushSoon();
  }

  /** Says what is left to say and ends the session, so that the scheduler gives this host's work to others at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    const stream = this.#stream;
    if (stream !== undefined && this.#scheduler !== undefined) {
      await this.#sayGoodbye(stream);
    }
    this.#scheduler = undefined;
    this.#stream = undefined;
    stream?.cancel();
    this.#stub?.close();
  }

  async #sayGoodbye(stream: SessionStream): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const over = (): void => {
      resolve(undefined);
    };
    stream.on("end", over);
    stream.on("error", over);
    const cancel = this.#deps.timers.setTimeout(over, GOODBYE_MS);
    for (let message = this.#outbox.next(); message !== undefined; message = this.#outbox.next()) stream.write(writeHostMessage(message));
    stream.end();
    await promise;
    cancel();
  }

  #connect(): void {
    const address = this.#config.schedulers[this.#next];
    if (this.#closed || address === undefined) return;
    const opened = this.#open(address);
    if (opened === undefined) {
      this.#tryNext(false);
      return;
    }
    const { stub, stream } = opened;
    this.#stub = stub;
    this.#stream = stream;
    this.#isWriting = false;
    stream.on("data", (value: unknown) => {
      this.#receive(stream, value);
    });
    stream.on("error", (error: ServiceError) => {
      this.#deps.log.debug("scheduler session failed", { address, error });
      this.#refusedWith(error, address);
      this.#end(stream);
    });
    stream.on("end", () => {
      this.#end(stream);
    });
    if (this.#config.join === undefined) stream.write(writeHostMessage({ hello: this.#config.hello }));
    this.#giveUpAfter(WELCOME_TIMEOUT_MS, stream);
  }

  #giveUpAfter(ms: number, stream: SessionStream): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#deps.timers.setTimeout(() => {
      if (this.#scheduler === undefined) this.#end(stream);
    }, ms);
  }

  /** A session that is not greeted yet; undefined where the address is none that gRPC can dial. */
  #open(address: string): { readonly stub: SchedulerStub; readonly stream: SessionStream } | undefined {
    try {
      const stub = new this.#Stub(address, this.#credentials(address), CHANNEL_OPTIONS) as unknown as SchedulerStub;
      return { stub, stream: stub.Session() };
    } catch (error) {
      this.#deps.log.warn("scheduler address cannot be dialled", { address, error });
      return undefined;
    }
  }

  #receive(stream: SessionStream, value: unknown): void {
    if (stream !== this.#stream) return;
    try {
      const message = readSchedulerMessage(value);
      if (message.challenge !== undefined && this.#scheduler === undefined) void this.#sayHello(stream, message.challenge);
      if (message.welcome !== undefined && this.#scheduler === undefined) this.#greeted(message.welcome);
      if (message.membership !== undefined && this.#config.join?.heard(message.membership) === false)
        throw new WireError("membership", "signed, and what follows from what is known");
      for (const fact of message.publicFacts ?? []) this.#deps.facts.learn(fact);
      for (const { task, order } of message.orders) this.#deps.listener.onOrder(task, order);
      for (const job of message.released ?? []) this.#deps.warming.onReleased(job);
      for (const order of message.warm ?? []) this.#deps.warming.onWarm(order);
    } catch (error) {
      this.#deps.log.warn("scheduler broke the protocol, session ended", { error });
      this.#end(stream);
    }
  }

  #credentials(address: string): ChannelCredentials {
    const { join } = this.#config;
    if (join === undefined) return credentials.createInsecure();
    return new PinnedCredentials(join.signingKey, () => {
      this.#refused("wrong-signing-key", address);
    });
  }

  async #sayHello(stream: SessionStream, challenge: Uint8Array): Promise<void> {
    const { join, hello } = this.#config;
    if (join === undefined) return;
    const shown = await join.join(challenge);
    if (stream !== this.#stream || this.#closed) return;
    stream.write(writeHostMessage({ hello: { ...hello, join: shown } }));
    this.#giveUpAfter(JOIN_TIMEOUT_MS, stream);
  }

  #refusedWith({ code }: ServiceError, address: string): void {
    if (code === status.PERMISSION_DENIED) this.#refused("removed", address);
    if (code === status.UNAUTHENTICATED) {
      this.#refused("not-a-member", address);
      this.#config.join?.notAMember();
    }
  }

  #refused(reason: Refusal, address: string): void {
    this.#deps.onRefused?.(reason);
    if (this.#refusal === reason) return;
    this.#refusal = reason;
    this.#deps.log.error("scheduler does not count this host as a member", { address, reason, whatToDo: WHAT_TO_DO[reason] });
  }

  #greeted({ scheduler, membership }: Welcome): void {
    const { join } = this.#config;
    const toTell = membership === undefined ? [] : join?.welcomed(membership);
    if (toTell === undefined || (join !== undefined && membership === undefined))
      throw new WireError("welcome", "with this host's admission");
    this.#cancelTimer?.();
    this.#refusal = undefined;
    this.#scheduler = scheduler;
    this.#greetedAt = this.#deps.timers.now();
    this.#outbox = new Outbox();
    if (toTell.length > 0) this.#stream?.write(writeHostMessage({ denials: toTell }));
    this.#deps.log.info("scheduler found", { scheduler, address: this.#config.schedulers[this.#next] });
    this.#outbox.announceFirst(this.#deps.listener.onFound());
    for (const fact of this.#deps.facts.found()) this.#outbox.publicFact(fact);
    this.#flushSoon();
  }

  #end(stream: SessionStream): void {
    if (stream !== this.#stream || this.#closed) return;
    const wasLive = this.#scheduler !== undefined;
    this.#cancelTimer?.();
    this.#stream = undefined;
    this.#scheduler = undefined;
    this.#outbox = new Outbox();
    stream.cancel();
    this.#stub?.close();
    if (wasLive) {
      this.#deps.log.warn("scheduler lost", { address: this.#config.schedulers[this.#next] });
      this.#deps.warming.onLost();
      this.#deps.listener.onLost();
    }
    this.#tryNext(wasLive);
  }

  /** After a session the first in order is tried again; after a failure the next, and from the last one on after a pause. */
  #tryNext(wasLive: boolean): void {
    const wasSettled = wasLive && this.#deps.timers.now() - this.#greetedAt >= SETTLED_MS;
    if (wasSettled) this.#retryMs = MIN_RETRY_MS;
    this.#next = wasLive ? 0 : (this.#next + 1) % this.#config.schedulers.length;
    const triedAll = this.#next === 0;
    const pauseMs = this.#retryMs * (0.5 + this.#deps.random());
    this.#cancelTimer = this.#deps.timers.setTimeout(
      () => {
        this.#connect();
      },
      triedAll ? pauseMs : 0,
    );
    if (triedAll && !wasSettled) this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
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
    const message = this.#isWriting ? undefined : this.#outbox.next();
    if (message !== undefined) this.#write(stream, message);
    if (this.#outbox.bytes > MAX_WAITING_BYTES) {
      this.#deps.log.warn("scheduler does not read, session ended", { waitingBytes: this.#outbox.bytes });
      this.#end(stream);
    }
  }

  #write(stream: SessionStream, message: Partial<HostMessage>): void {
    this.#isWriting = true;
    stream.write(writeHostMessage(message), () => {
      if (stream !== this.#stream) return;
      this.#isWriting = false;
      this.#flush();
    });
  }
}
