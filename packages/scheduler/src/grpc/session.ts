import type { ServerDuplexStream } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type { HostId, SwarmStanding } from "@darner/domain";
import { TokenBucket, type Timers } from "@darner/runtime";
import {
  MAX_FACTS_A_MESSAGE,
  WireError,
  writeSchedulerMessage,
  type Hello,
  type HostMessage,
  type MembershipNews,
  type PublicFact,
  type SchedulerMessage,
  type TaskOrder,
  type WarmOrder,
  type Welcome,
  type WireObject,
} from "@darner/protocol";
import type { Door, JoinRefusal } from "../members/door.ts";
import { orderBytes, warmBytes } from "../orders.ts";
import { HeardMessages, type HeardMessage } from "./heard-messages.ts";
import { MESSAGE_COST } from "./message-cost.ts";
import { hostOf, reachableAddress } from "./reachable-address.ts";
import type { Haste, Slices, Worker } from "./slices.ts";

/** The gRPC stream of one daemon. */
export type SessionCall = ServerDuplexStream<unknown, WireObject>;

// What waits for a daemon that is slow to read: a dozen of the largest tables, or a hundred thousand grants.
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
// A daemon whose main loop stands still is ended by its own watchdog after 5 s; one that takes nothing for twice as long is as good as gone.
const UNREAD_MS = 10_000;
// Far below the 16 MiB a message may have, so that one last order of up to 10 MiB (the table of the largest blob) still fits in.
const MESSAGE_BYTES = 4 * 1024 * 1024;
// A daemon says hello with its first breath; who does not is none.
const HELLO_TIMEOUT_MS = 5000;
// Twice what a daemon that comes is told; beyond it the oldest go, and that host asks the registry itself.
const MAX_WAITING_FACTS = 8192;

// What a host is told of why it is not let in: nothing that helps to guess.
const REFUSALS: Readonly<Record<JoinRefusal, "removed" | "not-a-member" | "not-now">> = {
  denied: "removed",
  "account-unverified": "not-now",
  "too-many-tries": "not-now",
  "not-proven": "not-a-member",
  "false-admission": "not-a-member",
  "no-credential": "not-a-member",
  "token-unknown": "not-a-member",
  "token-wrong": "not-a-member",
  "token-expired": "not-a-member",
  "account-refused": "not-a-member",
};
const DETAILS = {
  removed: "this host was removed from the cluster",
  "not-a-member": "not a member, and nothing valid was shown to become one",
  "not-now": "nobody is admitted right now; try again later",
} as const;

/** Why a scheduler ends a session. */
export type SessionEnd =
  /** The host began a newer one. */
  | "replaced"
  /** This scheduler has as many hosts, or as many sessions in the making, as it may. */
  | "full"
  /** So many sessions come from one address that nothing good can be behind it. */
  | "crowded"
  /** No hello in time. */
  | "no-hello"
  /** A message broke the protocol. */
  | "bad-message"
  /** The daemon does not read its orders. */
  | "unread"
  /** The host was removed from the cluster. */
  | "removed"
  /** It has shown nothing that makes it a member. */
  | "not-a-member"
  /** Whether it may be a member cannot be found out now. */
  | "not-now";

// Why a scheduler ends a session, as gRPC says it.
const CODES: Readonly<Record<SessionEnd, status>> = {
  replaced: status.ABORTED,
  full: status.RESOURCE_EXHAUSTED,
  crowded: status.RESOURCE_EXHAUSTED,
  "no-hello": status.DEADLINE_EXCEEDED,
  "bad-message": status.INVALID_ARGUMENT,
  unread: status.RESOURCE_EXHAUSTED,
  removed: status.PERMISSION_DENIED,
  "not-a-member": status.UNAUTHENTICATED,
  "not-now": status.UNAVAILABLE,
};

/** What a session tells the scheduler's process. Called in the order things happen; nothing after `onEnd`. */
export interface SessionListener {
  onHello(session: Session, hello: Hello): void;
  onMessage(session: Session, message: HostMessage): void;
  /** The host says more than it may; from now on it is read more slowly. Told once a session. */
  onSlowed(session: Session): void;
  /** The scheduler ends a session, also one that never said hello; `onEnd` follows. */
  onRefused(session: Session, end: SessionEnd, details: string): void;
  onEnd(session: Session): void;
}

/** What a session works with. */
export type SessionDeps = {
  readonly listener: SessionListener;
  readonly door: Door;
  readonly timers: Timers;
  /** Told of every message, before it is looked at: the process is at work. */
  readonly onWork?: (() => void) | undefined;
  readonly slices: Slices;
};

/** One daemon's session: heard in slices, and orders that arise in the same one travel together. */
export class Session implements Worker {
  readonly #call: SessionCall;
  readonly #listener: SessionListener;
  readonly #timers: Timers;
  readonly #allowance: TokenBucket;
  readonly #door: Door;
  readonly #onWork: (() => void) | undefined;
  readonly #slices: Slices;
  readonly #cancelHelloTimer: () => void;
  readonly #challenge: Uint8Array | undefined;
  #hello: Hello | undefined;
  /** The hello came, and the door has yet to say whether the host may come in. */
  #atTheDoor = false;
  #membership: Welcome["membership"];
  /** Gives what the host has yet to hear of the members. */
  #news: (() => MembershipNews | undefined) | undefined;
  readonly #heard = new HeardMessages();
  #isPaying = false;
  /** The daemon has said its last word. */
  #isLast = false;
  /** Nobody is at the other end. That it is over is work like any other: a thousand hosts may go at once. */
  #isGone = false;
  // Bounded by MAX_WAITING_BYTES.
  #waiting: TaskOrder[] = [];
  #waitingBytes = 0;
  // For preheats; they depend on no other order, and count among what waits.
  readonly #warm: WarmOrder[] = [];
  // One entry a job that was open with this host.
  readonly #released: number[] = [];
  // They depend on no order and go with whatever leaves next; bounded by MAX_WAITING_FACTS.
  readonly #facts: PublicFact[] = [];
  #standing: SwarmStanding | undefined;
  // One message at a time: orders that arise meanwhile travel together in the next, and nothing piles up in gRPC.
  #isWriting = false;
  #cancelUnreadTimer: (() => void) | undefined;
  #slowed = false;
  #ended = false;

  constructor(call: SessionCall, { listener, door, timers, onWork, slices }: SessionDeps) {
    onWork?.();
    this.#onWork = onWork;
    this.#slices = slices;
    this.#call = call;
    this.#listener = listener;
    this.#timers = timers;
    this.#allowance = new TokenBucket({ ...MESSAGE_COST, timers });
    this.#door = door;
    this.#cancelHelloTimer = timers.setTimeout(() => {
      // After a long turn its hello may be here and not read yet: sockets come before what is immediate.
      setImmediate(() => {
        if (!this.#atTheDoor && this.#heard.isEmpty) this.end("no-hello", "a session begins with a hello");
      });
    }, HELLO_TIMEOUT_MS);
    call.on("data", this.#hearLater);
    call.on("end", () => {
      this.#isLast = true;
      slices.hear(this);
    });
    for (const event of ["cancelled", "error", "close"]) {
      call.on(event, () => {
        this.#isGone = true;
        slices.hear(this);
      });
    }
    this.#challenge = door.challenge();
    if (this.#challenge !== undefined) this.#write({ challenge: this.#challenge });
  }

  /** The host at the other end; undefined until it said hello. */
  get host(): HostId | undefined {
    return this.#hello?.host;
  }

  /** Greets the daemon; the first message of the session. */
  welcome(scheduler: string, version: string): void {
    this.#write({ welcome: { scheduler, version, ...(this.#membership === undefined ? {} : { membership: this.#membership }) } });
  }

  /** From now on `news` is asked, whenever `membersChanged` was called, what the host has yet to hear. */
  tellMembers(news: () => MembershipNews | undefined): void {
    this.#news = news;
    this.#sayLater("later");
  }

  membersChanged(): void {
    if (this.#news !== undefined && !this.#ended) this.#sayLater("later");
  }

  /** Queues an order; it leaves with the next slice, or after what others wait for. */
  order(order: TaskOrder, haste: Haste): void {
    if (this.#ended) return;
    this.#waiting.push(order);
    this.#queued(orderBytes(order.order), haste);
  }

  /** Queues what the host is to hold for a preheat job. */
  warm(order: WarmOrder): void {
    if (this.#ended) return;
    this.#warm.push(order);
    this.#queued(warmBytes(order), "later");
  }

  /** The host need not go on for a job. */
  release(job: number): void {
    if (this.#ended) return;
    this.#released.push(job);
    this.#queued(0, "later");
  }

  #queued(bytes: number, haste: Haste): void {
    this.#waitingBytes += bytes;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.end("unread", `the daemon did not read its orders: ${String(this.#waitingBytes)} bytes were waiting`);
    } else {
      this.#sayLater(haste);
    }
  }

  /** Queues what is known of public repositories; it leaves with the next message. */
  tellPublic(facts: readonly PublicFact[]): void {
    if (this.#ended || facts.length === 0) return;
    this.#facts.push(...facts);
    this.#facts.splice(0, this.#facts.length - MAX_WAITING_FACTS);
    this.#sayLater("later");
  }

  /** Tells how the schedulers stand with the hosts; depends on nothing else that waits. */
  tellStanding(standing: SwarmStanding): void {
    if (this.#ended) return;
    this.#standing = standing;
    this.#sayLater("later");
  }

  /** Where the daemon is seen, as gRPC writes it. */
  get seenAt(): string {
    return this.#call.getPeer();
  }

  /** Ends the session and says why, to the daemon and to the listener. */
  end(reason: SessionEnd, details: string): void {
    if (this.#ended) return;
    this.#listener.onRefused(this, reason, details);
    this.#call.emit("error", { code: CODES[reason], details });
    this.#finish();
  }

  #sayLater(haste: Haste): void {
    this.#slices.say(this, haste);
  }

  readonly #hearLater = (value: unknown): void => {
    if (this.#ended || this.#isGone) return;
    this.#onWork?.();
    this.#heard.push(value);
    if (this.#heard.isFull()) this.#call.pause();
    if (!this.#isPaying) this.#slices.hear(this);
  };

  hearOne(): boolean {
    if (this.#isGone) this.#finish();
    if (this.#ended || this.#isPaying) return false;
    const wasFull = this.#heard.isFull();
    try {
      const heard = this.#heard.next();
      if (heard !== undefined) this.#receive(heard);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.end("bad-message", error.message);
    }
    if (this.#isOver()) return false;
    if (wasFull && !this.#heard.isFull()) this.#call.resume();
    if (this.#heard.isEmpty && this.#isLast) this.#finish();
    return !this.#heard.isEmpty && !this.#isPaying;
  }

  say(): void {
    this.#flush();
  }

  #receive({ message, cost }: HeardMessage): void {
    if (this.#hello === undefined) this.#hear(message);
    else if (message.hello !== undefined) throw new WireError("hello", "only in the first message");
    else this.#listener.onMessage(this, message);
    if (!this.#isOver()) this.#pay(cost);
  }

  /** Who says more than it may is not heard until it has paid: what it says meanwhile HTTP/2 holds back at the daemon. */
  #pay(cost: number): void {
    if (this.#allowance.tryTake(cost)) return;
    if (!this.#slowed) this.#listener.onSlowed(this);
    this.#slowed = true;
    this.#isPaying = true;
    void this.#allowance.take(cost).then(() => {
      this.#isPaying = false;
      if (!this.#ended) this.#slices.hear(this);
    });
  }

  /** The first message says hello, and no other comes before the welcome. */
  #hear(message: HostMessage): void {
    const { hello } = message;
    if (hello === undefined) throw new WireError("hello", "there, as it must be in a first message");
    if (this.#atTheDoor) throw new WireError("hello", "followed by nothing before the welcome");
    const seenAt = this.#call.getPeer();
    const address = reachableAddress(hello.address, seenAt);
    if (address === undefined) throw new WireError("hello.address", "host:port, or :port for the host it comes from");
    this.#cancelHelloTimer();
    this.#atTheDoor = true;
    const { join, ...said } = hello;
    const asked = this.#door.admit({ host: said.host, join, challenge: this.#challenge, from: hostOf(seenAt) });
    void asked.then((entry) => {
      if (this.#ended) return;
      if (!entry.ok) {
        const end = REFUSALS[entry.reason];
        this.end(end, DETAILS[end]);
        return;
      }
      this.#membership = entry.membership;
      this.#hello = { ...hello, address };
      this.#listener.onHello(this, this.#hello);
      if (!this.#isOver()) this.#listener.onMessage(this, message);
    });
  }

  // A method, because TypeScript does not see that a listener may end the session.
  #isOver(): boolean {
    return this.#ended;
  }

  #flush(): void {
    if (this.#isWriting || this.#ended || this.#isGone) return;
    const membership = this.#news?.();
    if (membership !== undefined) {
      this.#write({ membership });
      return;
    }
    const standing = this.#standing;
    const waiting = this.#waiting.length + this.#facts.length + this.#warm.length + this.#released.length;
    if (waiting === 0 && standing === undefined) return;
    this.#standing = undefined;
    let bytes = 0;
    let count = 0;
    for (const { order } of this.#waiting) {
      if (count > 0 && bytes + orderBytes(order) > MESSAGE_BYTES) break;
      bytes += orderBytes(order);
      count += 1;
    }
    // Whoever makes warm orders cuts them to half a message: one goes with each, and the rest with the next.
    const warm = this.#warm.splice(0, 1);
    for (const order of warm) bytes += warmBytes(order);
    this.#waitingBytes -= bytes;
    const orders = this.#waiting.splice(0, count);
    const publicFacts = this.#facts.splice(0, MAX_FACTS_A_MESSAGE);
    const released = this.#released.splice(0);
    this.#write({ orders, publicFacts, warm, released, ...(standing === undefined ? {} : { standing }) });
  }

  #write(message: Partial<SchedulerMessage>): void {
    this.#isWriting = true;
    this.#cancelUnreadTimer ??= this.#timers.setTimeout(() => {
      this.end("unread", `the daemon took no message for ${String(UNREAD_MS)} ms`);
    }, UNREAD_MS);
    this.#call.write(writeSchedulerMessage(message), () => {
      this.#isWriting = false;
      this.#cancelUnreadTimer?.();
      this.#cancelUnreadTimer = undefined;
      this.#flush();
    });
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#slices.leave(this);
    this.#heard.clear();
    this.#waiting = [];
    this.#warm.length = 0;
    this.#waitingBytes = 0;
    this.#cancelHelloTimer();
    this.#cancelUnreadTimer?.();
    this.#allowance[Symbol.dispose]();
    this.#listener.onEnd(this);
    this.#call.end();
  }
}
