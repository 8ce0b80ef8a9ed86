import type { HostId } from "@darner/domain";
import type { Hello, HostMessage } from "@darner/protocol";
import type { Session, SessionEnd, SessionListener } from "../grpc/session.ts";
import type { BoardListener, BoardMark, MemberBoard } from "./member-board.ts";

/** Stands before whoever listens to the sessions: tells every daemon what has changed among the members, and cuts those that were removed. */
export class MemberDesk implements SessionListener, BoardListener {
  readonly #board: MemberBoard;
  readonly #next: SessionListener;
  // One entry a connected host; bounded by the hosts the next listener lets stay.
  readonly #sessions = new Map<Session, HostId>();

  constructor(board: MemberBoard, next: SessionListener) {
    this.#board = board;
    this.#next = next;
    board.listen(this);
  }

  onHello(session: Session, hello: Hello): void {
    this.#board.seen(hello.host, hello);
    this.#sessions.set(session, hello.host);
    this.#next.onHello(session, hello);
    if (hello.join === undefined || !this.#sessions.has(session)) return;
    let mark: BoardMark = this.#board.markOf(hello.join.listHeads, hello.join.denialsDigest);
    session.tellMembers(() => {
      const told = this.#board.news(mark);
      if (told !== undefined) mark = told.mark;
      return told?.news;
    });
  }

  onMessage(session: Session, message: HostMessage): void {
    if (message.denials.length > 0) this.#board.hear(message.denials);
    if (this.#sessions.has(session)) this.#next.onMessage(session, message);
  }

  onSlowed(session: Session): void {
    this.#next.onSlowed(session);
  }

  onRefused(session: Session, end: SessionEnd, details: string): void {
    this.#next.onRefused(session, end, details);
  }

  onEnd(session: Session): void {
    const host = this.#sessions.get(session);
    this.#sessions.delete(session);
    const isGone = host !== undefined && ![...this.#sessions.values()].includes(host);
    if (isGone) this.#board.gone(host);
    this.#next.onEnd(session);
  }

  onNews(): void {
    for (const session of this.#sessions.keys()) session.membersChanged();
  }

  onDenied(host: HostId): void {
    for (const [session, of] of this.#sessions) if (of === host) session.end("removed", "this host was removed from the cluster");
  }
}
