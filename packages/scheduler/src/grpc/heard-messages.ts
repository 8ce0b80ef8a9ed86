import { readHostMessage, type HostMessage } from "@darner/protocol";
import { messageCost } from "./message-cost.ts";

// What a session heard and nobody handled yet; beyond it HTTP/2 holds the rest back at the daemon.
const MAX_HEARD = 16;
// Handled in one go: sixteen full reports of a daemon. What costs more is handled by itself.
const MAX_JOINED_COST = 512;

/** A message as it is handled, and what it costs of its daemon's allowance. */
export type HeardMessage = { readonly message: HostMessage; readonly cost: number };

/** What a daemon said and nobody handled yet. The later it is handled, the more of it is handled at once: who is behind catches up. */
export class HeardMessages {
  // Little more than MAX_HEARD: what was on its way when the stream was paused still comes.
  readonly #values: unknown[] = [];
  // Read, and not to be joined to what came before it.
  #ahead: HeardMessage | undefined;

  push(value: unknown): void {
    this.#values.push(value);
  }

  get isEmpty(): boolean {
    return this.#values.length === 0 && this.#ahead === undefined;
  }

  /** No more is to be read for now. */
  isFull(): boolean {
    return this.#values.length >= MAX_HEARD;
  }

  clear(): void {
    this.#values.length = 0;
    this.#ahead = undefined;
  }

  /** The next message, with those after it as part of it if it and they hold reports alone. Throws `WireError`. */
  next(): HeardMessage | undefined {
    const first = this.#ahead ?? this.#read();
    this.#ahead = undefined;
    if (first === undefined || this.#values.length === 0 || !isReportsAlone(first.message)) return first;
    const reports = [...first.message.reports];
    let { cost } = first;
    for (let next = this.#read(); next !== undefined; next = this.#read()) {
      if (!isReportsAlone(next.message) || cost + next.cost > MAX_JOINED_COST) {
        this.#ahead = next;
        break;
      }
      reports.push(...next.message.reports);
      cost += next.cost;
    }
    return { message: { ...first.message, reports }, cost };
  }

  #read(): HeardMessage | undefined {
    if (this.#values.length === 0) return undefined;
    const message = readHostMessage(this.#values.shift());
    return { message, cost: messageCost(message) };
  }
}

function isReportsAlone({ hello, holdings, dropped, denials, publicFacts = [], warmed = [], standing }: HostMessage): boolean {
  if (hello !== undefined || standing !== undefined) return false;
  return holdings.length + dropped.length + denials.length + publicFacts.length + warmed.length === 0;
}
