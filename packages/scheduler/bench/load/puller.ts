import { piecesOf } from "@darner/domain";
import type { ScriptedSession } from "./scripted-session.ts";
import { PIECES, Wave } from "./script.ts";
import type { ToldGrant } from "./told.ts";

/** Hosts that all pull the same blobs, one after the other: the bytes of what they say are made once. */
export class Pullers {
  readonly all: readonly Puller[];
  // One entry a blob: a run pulls a few.
  readonly #waves: Wave[] = [];

  constructor(sessions: readonly ScriptedSession[]) {
    this.all = sessions.map((session) => new Puller(session, this));
  }

  wave(number: number): Wave {
    return (this.#waves[number] ??= new Wave(number));
  }
}

/** A host that pulls blob after blob: what it is granted it reports, in the order in which it was granted, when its turn comes. */
export class Puller {
  readonly #session: ScriptedSession;
  readonly #others: Pullers;
  #number = 0;
  #wave: Wave;
  #have = new Uint8Array(PIECES);
  #missing = PIECES;
  // Pieces it was granted and has yet to report, twice their number, and one more where they come from the source; at most the blob a few
  // times over.
  #owed: number[] = [];
  #told = 0;

  constructor(session: ScriptedSession, others: Pullers) {
    this.#session = session;
    this.#others = others;
    this.#wave = others.wave(0);
    session.onGrant = (grant) => {
      this.#take(grant);
    };
  }

  open(): void {
    this.#session.send(this.#wave.open);
  }

  /** Reports so many pieces at most, in one message, if it was granted any; says how many. */
  report(most: number): number {
    const pieces: number[] = [];
    const read: number[] = [];
    for (; this.#told < this.#owed.length && pieces.length < most; this.#told += 1) {
      const owed = this.#owed[this.#told] ?? 0;
      const piece = owed >> 1;
      if (this.#have[piece] === 1) continue;
      this.#have[piece] = 1;
      pieces.push(piece);
      if ((owed & 1) === 1) read.push(piece);
    }
    const [first] = pieces;
    if (first === undefined) return 0;
    this.#session.send(pieces.length === 1 ? this.#wave.verified(first, read.length === 1) : this.#wave.verifiedAll(pieces, read));
    this.#missing -= pieces.length;
    if (this.#missing === 0) this.#next();
    return pieces.length;
  }

  #next(): void {
    for (const words of this.#wave.done) this.#session.send(words);
    this.#wave = this.#others.wave(++this.#number);
    this.#have = new Uint8Array(PIECES);
    this.#missing = PIECES;
    [this.#owed, this.#told] = [[], 0];
    this.open();
  }

  #take({ digest, parent, run }: ToldGrant): void {
    if (!digest.equals(this.#wave.digest)) return;
    for (const piece of piecesOf(run)) this.#owed.push(piece * 2 + (parent === undefined ? 1 : 0));
  }
}
