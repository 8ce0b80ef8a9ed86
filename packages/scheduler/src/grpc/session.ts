import type { ServerDuplexStream } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type { HostId } from "@darner/domain";
import { formatAddress, parseListen } from "@darner/runtime";
import { readHostMessage, WireError, writeSchedulerMessage, type Hello, type HostMessage, type TaskOrder, type WireObject } from "@darner/protocol";

/** The gRPC stream of one daemon. */
export type SessionCall = ServerDuplexStream<unknown, WireObject>;

// A daemon that takes no messages while this many orders wait for it is as good as gone: its session ends and its pieces go to others.
const MAX_WAITING_ORDERS = 65_536;

/** What a session tells the scheduler's process. Called in the order things happen; nothing after `onEnd`. */
export interface SessionListener {
  onHello(session: Session, hello: Hello): void;
  onMessage(session: Session, message: HostMessage): void;
  onEnd(session: Session): void;
}

/** One daemon's session: orders that arise in the same turn of the event loop travel in one message. */
export class Session {
  readonly #call: SessionCall;
  readonly #listener: SessionListener;
  #hello: Hello | undefined;
  #waiting: TaskOrder[] = [];
  #flushing = false;
  #blocked = false;
  #ended = false;

  constructor(call: SessionCall, listener: SessionListener) {
    this.#call = call;
    this.#listener = listener;
    call.on("data", (value: unknown) => {
      this.#receive(value);
    });
    call.on("drain", () => {
      this.#blocked = false;
      this.#flush();
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

  get hello(): Hello | undefined {
    return this.#hello;
  }

  /** Greets the daemon; the first message of the session. */
  welcome(scheduler: string, version: string): void {
    this.#write({ welcome: { scheduler, version } });
  }

  /** Queues an order; it leaves at the end of this turn of the event loop. */
  order(order: TaskOrder): void {
    if (this.#ended) return;
    this.#waiting.push(order);
    if (this.#waiting.length > MAX_WAITING_ORDERS) {
      this.fail(status.RESOURCE_EXHAUSTED, `the daemon did not read its orders: ${String(MAX_WAITING_ORDERS)} were waiting`);
    } else if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => {
        this.#flushing = false;
        this.#flush();
      });
    }
  }

  /** Ends the session with a gRPC status that says why. */
  fail(code: status, details: string): void {
    if (this.#ended) return;
    this.#call.emit("error", { code, details });
    this.#finish();
  }

  #receive(value: unknown): void {
    if (this.#ended) return;
    try {
      const message = readHostMessage(value);
      if (this.#hello === undefined) this.#greet(message);
      if (!this.#ended) this.#listener.onMessage(this, message);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.fail(status.INVALID_ARGUMENT, error.message);
    }
  }

  #greet(message: HostMessage): void {
    if (message.hello === undefined) throw new WireError("hello", "there, as it must be in a first message");
    const hello = { ...message.hello, address: withHost(message.hello.address, this.#call.getPeer()) };
    this.#hello = hello;
    this.#listener.onHello(this, hello);
  }

  #flush(): void {
    if (this.#blocked || this.#ended || this.#waiting.length === 0) return;
    const orders = this.#waiting;
    this.#waiting = [];
    this.#write({ orders });
  }

  #write(message: Parameters<typeof writeSchedulerMessage>[0]): void {
    this.#blocked = !this.#call.write(writeSchedulerMessage(message));
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#waiting = [];
    this.#listener.onEnd(this);
    this.#call.end();
  }
}

/** The address a host gave, with the host it was seen at where it gave only a port. */
function withHost(address: string, seenAt: string): string {
  const port = /^:([0-9]{1,5})$/.exec(address)?.[1];
  const seen = parseListen(seenAt);
  return port === undefined || seen === undefined ? address : formatAddress({ host: seen.host, port: Number(port) });
}
