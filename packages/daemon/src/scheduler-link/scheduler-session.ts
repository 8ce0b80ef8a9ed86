import { credentials, status, type ChannelCredentials, type ServiceError } from "@grpc/grpc-js";
import { isKeyOfCertificate } from "@darner/membership";
import {
  loadSchedulerService,
  PinnedCredentials,
  readSchedulerMessage,
  SESSION_CHANNEL_OPTIONS,
  writeHostMessage,
  type Hello,
  type HostMessage,
  type SchedulerMessage,
  type SchedulerStub,
  type SessionStream,
  type Welcome,
  WireError,
} from "@darner/protocol";
import type { Logger, Timers } from "@darner/runtime";
import { Outbox } from "./outbox.ts";
import type { SchedulerJoin } from "./scheduler-join.ts";

/** Why a scheduler could not be used, where it is not merely absent. */
export type Refusal = "wrong-signing-key" | "removed" | "not-a-member";

/** What one session tells the link. */
export interface SessionListener {
  /** It stands: the link says what is held before anything else. */
  onStood(session: SchedulerSession): void;
  onMessage(session: SchedulerSession, message: SchedulerMessage): void;
  /** It does not answer, or does not any more. */
  onMissed(session: SchedulerSession): void;
  /** Something may be wrong that passes by itself, or by an operator's hand. */
  onRefused(reason: Refusal): void;
}

/** What a session works with. */
export type SessionDeps = {
  readonly listener: SessionListener;
  readonly timers: Timers;
  /** Spreads the return of many hosts to one scheduler: a number in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
};

/** Which scheduler, and what this host says first; without `join` sessions are plain and nothing is shown. */
export type SessionConfig = { readonly address: string; readonly hello: Hello; readonly join: SchedulerJoin | undefined };

// A scheduler that does not greet within this time is taken for absent.
const WELCOME_TIMEOUT_MS = 2000;
// A scheduler that has to ask Kubernetes whose token it was shown waits up to 5 s for that.
const JOIN_TIMEOUT_MS = 7000;
// After a try in vain: back within a second or two of the scheduler's return, without a storm from ten thousand hosts.
const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 2000;
// A scheduler that was there is mostly back within seconds, and grants again when all hosts are there: who comes late makes all wait.
const MAX_SOON_RETRY_MS = 500;
const SOON_MS = 10_000;
// A session that ends sooner is no success. Nor is one that a newer one of the same host replaced: two hosts with one key would drive each
// other out many times a second.
const SETTLED_MS = 1000;
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

/** Keeps a session with one scheduler and makes a new one whenever it ends. */
export class SchedulerSession {
  readonly #config: SessionConfig;
  readonly #deps: SessionDeps;
  readonly #Stub = loadSchedulerService().Stub;
  #stub: SchedulerStub | undefined;
  #stream: SessionStream | undefined;
  #scheduler: string | undefined;
  #outbox = new Outbox();
  #flushing = false;
  // One message at a time: what is said meanwhile travels together in the next, and nothing piles up in gRPC.
  #isWriting = false;
  #retryMs = MIN_RETRY_MS;
  #greetedAt = 0;
  #settledUntil = -Infinity;
  #cancelTimer: (() => void) | undefined;
  #closed = false;
  /** Said once for each change, not with every try. */
  #refusal: Refusal | undefined;

  constructor(config: SessionConfig, deps: SessionDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  get address(): string {
    return this.#config.address;
  }

  /** The scheduler's name while the session stands. */
  get scheduler(): string | undefined {
    return this.#scheduler;
  }

  /** What waits to be said; only while the session stands. */
  say(words: (outbox: Outbox) => void): void {
    if (this.#scheduler === undefined) return;
    words(this.#outbox);
    this.#flushSoon();
  }

  connect(): void {
    if (this.#closed) return;
    const opened = this.#open();
    if (opened === undefined) {
      this.#deps.listener.onMissed(this);
      this.#retry(false);
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
      this.#deps.log.debug("scheduler session failed", { address: this.address, error });
      if (stream === this.#stream) this.#refusedWith(error);
      this.#end(stream, error.code !== status.ABORTED);
    });
    stream.on("end", () => {
      this.#end(stream);
    });
    if (this.#config.join === undefined) stream.write(writeHostMessage({ hello: this.#config.hello }));
    this.#giveUpAfter(WELCOME_TIMEOUT_MS, stream);
  }

  /** Says what is left to say and ends the session, so that the scheduler gives this host's work to others at once. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    const stream = this.#stream;
    if (stream !== undefined && this.#scheduler !== undefined) await this.#sayGoodbye(stream);
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

  /** A session that is not greeted yet; undefined where the address is none that gRPC can dial. */
  #open(): { readonly stub: SchedulerStub; readonly stream: SessionStream } | undefined {
    try {
      const stub = new this.#Stub(this.address, this.#credentials(), CHANNEL_OPTIONS) as unknown as SchedulerStub;
      return { stub, stream: stub.Session() };
    } catch (error) {
      this.#deps.log.warn("scheduler address cannot be dialled", { address: this.address, error });
      return undefined;
    }
  }

  #credentials(): ChannelCredentials {
    const { join } = this.#config;
    if (join === undefined) return credentials.createInsecure();
    const isRightKey = isKeyOfCertificate.bind(undefined, join.signingKey);
    return new PinnedCredentials(isRightKey, () => {
      this.#refused("wrong-signing-key");
    });
  }

  #giveUpAfter(ms: number, stream: SessionStream): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#deps.timers.setTimeout(() => {
      if (this.#scheduler === undefined) this.#end(stream);
    }, ms);
  }

  #receive(stream: SessionStream, value: unknown): void {
    if (stream !== this.#stream) return;
    try {
      const message = readSchedulerMessage(value);
      if (message.challenge !== undefined && this.#scheduler === undefined) void this.#sayHello(stream, message.challenge);
      if (message.welcome !== undefined && this.#scheduler === undefined) this.#greeted(message.welcome);
      if (message.membership !== undefined && this.#config.join?.heard(message.membership) === false)
        throw new WireError("membership", "signed, and what follows from what is known");
      if (this.#scheduler !== undefined) this.#deps.listener.onMessage(this, message);
    } catch (error) {
      this.#deps.log.warn("scheduler broke the protocol, session ended", { address: this.address, error });
      this.#end(stream);
    }
  }

  async #sayHello(stream: SessionStream, challenge: Uint8Array): Promise<void> {
    const { join, hello } = this.#config;
    if (join === undefined) return;
    const shown = await join.join(challenge);
    if (stream !== this.#stream || this.#closed) return;
    stream.write(writeHostMessage({ hello: { ...hello, join: shown } }));
    this.#giveUpAfter(JOIN_TIMEOUT_MS, stream);
  }

  #refusedWith({ code }: ServiceError): void {
    if (code === status.PERMISSION_DENIED) this.#refused("removed");
    if (code === status.UNAUTHENTICATED) {
      this.#refused("not-a-member");
      this.#config.join?.notAMember();
    }
  }

  #refused(reason: Refusal): void {
    this.#deps.listener.onRefused(reason);
    if (this.#refusal === reason) return;
    this.#refusal = reason;
    const { address } = this;
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
    this.#deps.log.info("scheduler answers", { scheduler, address: this.address });
    this.#deps.listener.onStood(this);
    this.#flushSoon();
  }

  /** `canSettle`: false where another host with this one's key began a session. */
  #end(stream: SessionStream, canSettle = true): void {
    if (stream !== this.#stream || this.#closed) return;
    const wasLive = this.#scheduler !== undefined;
    this.#cancelTimer?.();
    this.#stream = undefined;
    this.#scheduler = undefined;
    this.#outbox = new Outbox();
    stream.cancel();
    this.#stub?.close();
    if (wasLive) this.#deps.log.warn("scheduler lost", { address: this.address });
    this.#retry(wasLive && canSettle);
    this.#deps.listener.onMissed(this);
  }

  /** Again after a pause: the shortest after a session that stood for a while, else ever longer ones. */
  #retry(wasLive: boolean): void {
    const now = this.#deps.timers.now();
    const wasSettled = wasLive && now - this.#greetedAt >= SETTLED_MS;
    if (wasSettled) {
      this.#retryMs = MIN_RETRY_MS;
      this.#settledUntil = now;
    }
    this.#cancelTimer = this.#deps.timers.setTimeout(
      () => {
        this.connect();
      },
      this.#retryMs * (0.5 + this.#deps.random()),
    );
    const mostMs = now - this.#settledUntil < SOON_MS ? MAX_SOON_RETRY_MS : MAX_RETRY_MS;
    if (!wasSettled) this.#retryMs = Math.min(mostMs, this.#retryMs * 2);
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
