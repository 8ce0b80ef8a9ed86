import type { Hello, HostMessage } from "@darner/protocol";
import type { Session, SessionEnd, SessionListener } from "../grpc/session.ts";
import type { HostBook } from "./host-book.ts";

/** Stands before whoever listens to the sessions where everybody is let in: writes down who is there, for people. */
export class InsecureDesk implements SessionListener {
  readonly #book: HostBook;
  readonly #wallClock: () => number;
  readonly #next: SessionListener;

  constructor(book: HostBook, wallClock: () => number, next: SessionListener) {
    this.#book = book;
    this.#wallClock = wallClock;
    this.#next = next;
  }

  onHello(session: Session, hello: Hello): void {
    const { host, name, address, zone, version } = hello;
    const now = this.#wallClock();
    this.#book.put(host, { name, address, zone, version, admittedAt: this.#book.get(host)?.admittedAt ?? now, lastSeenAt: now });
    this.#book.connected(host, true);
    this.#next.onHello(session, hello);
  }

  onMessage(session: Session, message: HostMessage): void {
    this.#next.onMessage(session, message);
  }

  onSlowed(session: Session): void {
    this.#next.onSlowed(session);
  }

  onRefused(session: Session, end: SessionEnd, details: string): void {
    this.#next.onRefused(session, end, details);
  }

  onEnd(session: Session): void {
    if (session.host !== undefined) this.#book.connected(session.host, false);
    this.#next.onEnd(session);
  }
}
