import { pieceRange, type HostId, type PieceRun, type Task } from "@darner/domain";
import type { Origin, OriginAccount } from "./blob-account.ts";
import { MAX_ORIGINS, MAX_RUNS } from "./limits.ts";

type Book = {
  readonly from: Origin;
  readonly number: number;
  address: string;
  requests: number;
  pieces: number;
  bytes: number;
  firstMs: number | null;
  lastMs: number | null;
  refused: number;
  readonly failures: Map<string, number>;
};

/** Which piece came from whom: one number a piece, turned into runs when somebody asks. */
export class OriginBook {
  readonly #task: Task;
  readonly #of: Uint8Array;
  // At most MAX_ORIGINS.
  readonly #books = new Map<Origin, Book>();
  #leftOut = new Set<Origin>();

  constructor(task: Task, pieces: number) {
    this.#task = task;
    this.#of = new Uint8Array(pieces);
  }

  asked(from: Origin, address: string): void {
    const book = this.#book(from);
    if (book === undefined) return;
    book.requests += 1;
    book.address = address;
  }

  gave(from: Origin, piece: number, atMs: number): void {
    const book = this.#book(from);
    if (book === undefined) return;
    const { start, end } = pieceRange(this.#task.size, piece);
    book.pieces += 1;
    book.bytes += end - start;
    book.firstMs ??= atMs;
    book.lastMs = atMs;
    this.#of[piece] = book.number;
  }

  failed(from: Origin, code: string): void {
    const failures = this.#book(from)?.failures;
    failures?.set(code, (failures.get(code) ?? 0) + 1);
  }

  refused(from: HostId | "source"): void {
    const book = this.#book(from);
    if (book !== undefined) book.refused += 1;
  }

  /** What every origin gave, who gave most first, and what there was no room for. */
  accounts(): { readonly origins: OriginAccount[]; readonly leftOut: { readonly origins: number; readonly runs: number } } {
    let [room, runsLeftOut] = [MAX_RUNS, 0];
    const books = [...this.#books.values()].sort((left, right) => right.bytes - left.bytes);
    const origins = books.map(({ number, failures, ...book }) => {
      const runs = runsOfOrigin(this.#of, number);
      const shown = runs.slice(0, room);
      room -= shown.length;
      runsLeftOut += runs.length - shown.length;
      return { ...book, runs: shown, failures: Object.fromEntries(failures) };
    });
    return { origins, leftOut: { origins: this.#leftOut.size, runs: runsLeftOut } };
  }

  #book(from: Origin): Book | undefined {
    const known = this.#books.get(from);
    if (known !== undefined) return known;
    if (this.#books.size >= MAX_ORIGINS) {
      // Counted up to as many again: a list of who was left out must not grow either.
      if (this.#leftOut.size < MAX_ORIGINS) this.#leftOut.add(from);
      return undefined;
    }
    const counts = { requests: 0, pieces: 0, bytes: 0, refused: 0, firstMs: null, lastMs: null };
    const book = { from, number: this.#books.size + 1, address: "", ...counts, failures: new Map<string, number>() };
    this.#books.set(from, book);
    return book;
  }
}

/** The pieces of one origin as few runs, with any stride: parents are granted every n-th piece. */
function runsOfOrigin(of: Uint8Array, number: number): PieceRun[] {
  const pieces: number[] = [];
  for (let piece = of.indexOf(number); piece >= 0; piece = of.indexOf(number, piece + 1)) pieces.push(piece);
  const runs: PieceRun[] = [];
  for (let at = 0; at < pieces.length;) {
    const first = pieces[at] ?? 0;
    const stride = Math.max(1, (pieces[at + 1] ?? first + 1) - first);
    let count = 1;
    while (pieces[at + count] === first + count * stride) count += 1;
    // Two pieces far apart are no pattern.
    if (count === 2 && stride > 1) count = 1;
    runs.push({ first, stride: count === 1 ? 1 : stride, count });
    at += count;
  }
  return runs;
}
