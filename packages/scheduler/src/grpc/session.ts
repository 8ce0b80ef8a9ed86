import type { ServerDuplexStream } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type { HostId } from "@darner/domain";
import type { Timers } from "@darner/runtime";
import {
  readHostMessage,
  WireError,
  writeSchedulerMessage,
  type Hello,
  type HostMessage,
  type SchedulerMessage,
  type TaskOrder,
  type WireObject,
} from "@darner/protocol";
import { orderBytes } from "../orders.ts";
import { reachableAddress } from "./reachable-address.ts";

/** The gRPC stream of one daemon. */
export type SessionCall = ServerDuplexStream<unknown, WireObject>;

// A daemon that takes no messages while so much waits for it is as good as gone: its session ends and its pieces go to others.
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
// Far below the 16 MiB a message may have, so that one last order of up to 10 MiB (the table of the largest blob) still fits in.
const MESSAGE_BYTES = 4 * 1024 * 1024;
// A daemon says hello with its first breath; who does not is none.
const HELLO_TIMEOUT_MS = 5000;

/** Why a scheduler ends a session: the host began a newer one, or there are as many hosts as it may have. */
export type SessionEnd = "replaced" | "full";

// Why a scheduler ends a session, as the daemon is told it.
const ENDS: Readonly<Record<SessionEnd, { readonly code: status; readonly details: string }>> = {
  replaced: { code: status.ABORTED, details: "the host began a newer session" },
  full: { code: status.RESOURCE_EXHAUSTED, details: "this scheduler has as many hosts as it may" },
};

/** What a session tells the scheduler's process. Called in the order things happen; nothing after `onEnd`. */
export interface SessionListener {
  onHello(session: Session, hello: Hello): void;
  onMessage(session: Session, message: HostMessage): void;
  onEnd(session: Session): void;
}

/** One daemon's session: orders that arise in the same turn of the event loop travel together. */
export class Session {
  readonly #call: SessionCall;
  readonly #listener: SessionListener;
  readonly #cancelHelloTimer: () => void;
  #hello: Hello | undefined;
  // Bounded by MAX_WAITING_BYTES.
  #waiting: TaskOrder[] = [];
  #waitingBytes = 0;
  #flushing = false;
  // One message at a time: orders that arise meanwhile travel together in the next, and nothing piles up in gRPC.
  #isWriting = false;
  #ended = false;

  constructor(call: SessionCall, listener: SessionListener, timers: Timers) {
    this.#call = call;
    this.#listener = listener;
    this.#cancelHelloTimer = timers.setTimeout(() => {
      this.#fail(status.DEADLINE_EXCEEDED, "a session begins with a hello");
    }, HELLO_TIMEOUT_MS);
    call.on("data", (value: unknown) => {
      this.#receive(value);
    });
    for (const event of ["end", "cancelled", "error", "close"]) {
      call.on(event, () => {
        this.#finish();
      });
    }
  }

  /** The host at the other end; undefined until it said hello. */
  get host(): HostId | undefined {
    return this.#hello?.host;
  }

  /** Greets the daemon; the first message of the session. */
  welcome(scheduler: string, version: string): void {
    this.#write({ welcome: { scheduler, version } });
  }

  /** Queues an order; it leaves at the end of this turn of the event loop. */
  order(order: TaskOrder): void {
    if (this.#ended) return;
    this.#waiting.push(order);
    this.#waitingBytes += orderBytes(order.order);
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#fail(status.RESOURCE_EXHAUSTED, `the daemon did not read its orders: ${String(this.#waitingBytes)} bytes were waiting`);
    } else if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => {
        this.#flushing = false;
        this.#flush();
      });
    }
  }

  /** Ends the session for a reason that lies with the scheduler. */
  end(reason: SessionEnd): void {
    this.#fail(ENDS[reason].code, ENDS[reason].details);
  }

  #fail(code: status, details: string): void {
    if (this.#ended) return;
    this.#call.emit("error", { code, details });
    this.#finish();
  }

  #receive(value: unknown): void {
    if (this.#ended) return;
    try {
      const message = readHostMessage(value);
      this.#greet(message);
      if (!this.#isOver()) this.#listener.onMessage(this, message);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#fail(status.INVALID_ARGUMENT, error.message);
    }
  }

  /** The first message says hello, and no other. */
  #greet({ hello }: HostMessage): void {
    if (this.#hello !== undefined) {
      if (hello !== undefined) throw new WireError("hello", "only in the first message");
      return;
    }
    if (hello === undefined) throw new WireError("hello", "there, as it must be in a first message");
    const address = reachableAddress(hello.address, this.#call.getPeer());
    if (address === undefined) throw new WireError("hello.address", "host:port, or :port for the host it comes from");
    this.#cancelHelloTimer();
    this.#hello = { ...hello, address };
    this.#listener.onHello(this, this.#hello);
  }

  // A method, because TypeScript does not see that a listener may end the session.
  #isOver(): boolean {
    return this.#ended;
  }

  #flush(): void {
    if (this.#isWriting || this.#ended || this.#waiting.length === 0) return;
    let bytes = 0;
    let count = 0;
    for (const { order } of this.#waiting) {
      if (count > 0 && bytes + orderBytes(order) > MESSAGE_BYTES) break;
      bytes += orderBytes(order);
      count += 1;
    }
    this.#waitingBytes -= bytes;
    this.#write({ orders: this.#waiting.splice(0, count) });
  }

  #write(message: Partial<SchedulerMessage>): void {
    this.#isWriting = true;
    this.#call.write(writeSchedulerMessage(message), () => {
      this.#isWriting = false;
      this.#flush();
    });
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#cancelHelloTimer();
    this.#listener.onEnd(this);
    this.#call.end();
  }
}
