import type { ScriptedSession } from "./scripted-session.ts";
import { announced, smallBlob, type SmallBlob } from "./script.ts";

/** One question of a probe: when it was asked, by the clock of its process, and how long its answer took. */
export type Answered = { readonly atMs: number; readonly ms: number };

const answered = (atMs: number): Answered => ({ atMs, ms: performance.now() - atMs });

/** A session that opens one small blob after the other: the time from each opening to the grant that it may read the source. */
export class OpeningProbe {
  readonly #session: ScriptedSession;
  readonly #asked = new Map<string, { readonly at: number; readonly blob: SmallBlob }>();
  #number = 0;
  readonly answered: Answered[] = [];

  constructor(session: ScriptedSession) {
    this.#session = session;
    session.onGrant = ({ digest, parent }): void => {
      const asked = this.#asked.get(digest.toString());
      if (asked === undefined || parent !== undefined) return;
      this.answered.push(answered(asked.at));
      this.#asked.delete(asked.blob.digest);
      session.send(asked.blob.close);
    };
  }

  ask(): void {
    const blob = smallBlob("b", this.#number++);
    this.#asked.set(blob.digest, { at: performance.now(), blob });
    this.#session.send(blob.open);
  }

  /** So many were asked for and never granted. */
  get unanswered(): number {
    return this.#asked.size;
  }
}

/**
 * Two sessions: one waits for small blobs that nobody has, the other announces them; the time from each announcement to the grant that
 * arrives at the one that waits.
 */
export class HandOverProbe {
  readonly #waiter: ScriptedSession;
  readonly #holder: ScriptedSession;
  readonly #asked = new Map<string, { readonly at: number; readonly blob: SmallBlob }>();
  #next: SmallBlob | undefined;
  #number = 0;
  readonly answered: Answered[] = [];

  constructor(waiter: ScriptedSession, holder: ScriptedSession) {
    this.#waiter = waiter;
    this.#holder = holder;
    waiter.onGrant = ({ digest, parent }): void => {
      const asked = this.#asked.get(digest.toString());
      if (asked === undefined || parent === undefined) return;
      this.answered.push(answered(asked.at));
      this.#asked.delete(asked.blob.digest);
      waiter.send(asked.blob.close);
    };
  }

  /** Announces what was asked for a turn ago, and asks for the next. */
  ask(): void {
    if (this.#next !== undefined) {
      this.#asked.set(this.#next.digest, { at: performance.now(), blob: this.#next });
      this.#holder.send(announced(this.#number - 1));
    }
    this.#next = smallBlob("c", this.#number++);
    this.#waiter.send(this.#next.wait);
  }

  get unanswered(): number {
    return this.#asked.size;
  }
}
