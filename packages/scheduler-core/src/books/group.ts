import { PIECE_HASH_BYTES, PieceTable, type HostId, type PieceHash } from "@darner/domain";
import { newLinePace, type LinePace } from "./line-pace.ts";
import { isWanting, type Grant, type Member, type Wanting } from "./member.ts";
import { SpreadTrees } from "../trees/spread-trees.ts";

// More than any rule asks for.
const SEEN_WAITING = 16;

/** How far the members of a group have been looked over. */
export type Round = {
  readonly beganAt: number;
  /** Those that were there when it began. */
  readonly members: readonly Member[];
  /** How many of them were looked at. */
  looked: number;
  /** When the next ones are. */
  nextAt: number;
  readonly everyMs: number;
};

/** The members of a task whose pieces follow one piece table, and may therefore feed each other. */
export class Group {
  readonly pieces: number;
  /** Made with its first line: most groups are blobs at rest. */
  #table: PieceTable | undefined;
  /** Lines as they are said, made once for all who hear them; at most one entry a line, and none while nobody waits. */
  #said: PieceHash[] | undefined;
  /** How many lines the table has. */
  lines = 0;
  /** Who said which line; empty where the table is at rest. At most one entry a line. */
  readonly witnesses: Map<number, Member> = new Map();
  /** Whose proof failed with this table; a second one condemns it. At most one entry a member. */
  readonly alarms: Set<HostId> = new Set();
  readonly members: Set<Member> = new Set();
  #list: readonly Member[] | undefined;
  // Whom `waiting` found last: in the end, when few of many still wait, it need not look for them each time.
  #seenWaiting: Wanting[] = [];
  /** Per piece: how many members hold it. */
  readonly held: Uint16Array;
  /** Per piece: how many peers are promised it. */
  readonly promised: Uint16Array;
  /** Per piece: the stripe that reads it from the source. */
  readonly #reading = new Map<number, Grant>();
  /** Pieces that nobody holds or reads. */
  coldPieces: number;
  /** Whether pieces were read of the source since somebody waits without a pause: who came meanwhile lacks what was read before. */
  wasRead = false;
  /** No piece before this one is cold. */
  #coldFrom = 0;
  /** In which trees pieces spread; per piece which of them carries it (0: none, tree + 1). */
  readonly trees: SpreadTrees = new SpreadTrees();
  readonly treeOf: Uint8Array;
  /** Pieces whose lines became known, in that order. */
  readonly lineLog: number[] = [];
  /** When the last of them did. */
  learntAt = 0;
  linePace: LinePace = newLinePace();
  /** When peers that still lack lines are to have them; undefined while none does. */
  linesDueAt: number | undefined;
  /** Live stripes. */
  readonly stripes: Set<Grant> = new Set();
  /** Live grants that bring in what only holders have. */
  units = 0;
  /** Wanting peers that are promised nothing. */
  readonly idle: Set<Member> = new Set();
  /** Peers with a reader that waits for a certain piece. */
  readonly needy: Set<Member> = new Set();
  /** Pieces that somebody holds and the table has no line for. */
  heldWithoutLine = 0;
  /** Whom the table was asked of, when; and who did not know the rest. */
  asked: { readonly member: Member; readonly at: number } | undefined;
  readonly askedInVain: Set<Member> = new Set();
  /** Pieces that members received since their links were last compared. */
  flowed = 0;
  /** Since when, undefined before the first came; and the time before that, counted as those pieces are. */
  flowSince: number | undefined;
  flowMs = 0;
  /** When a member last reported a piece. */
  movedAt: number = -Infinity;
  /** Pieces a millisecond that were usual for a member. */
  usualRate = 0;
  /** The looking over that is going on. */
  round: Round | undefined;
  /** Something came that an idle peer could use. */
  stirred = false;

  constructor(pieces: number) {
    this.pieces = pieces;
    this.coldPieces = pieces;
    this.treeOf = new Uint8Array(pieces);
    this.held = new Uint16Array(pieces);
    this.promised = new Uint16Array(pieces);
  }

  readingOf(piece: number): Grant | undefined {
    return this.#reading.get(piece);
  }

  /** Whether nobody holds the piece or reads it: only the source can bring it. */
  isCold(piece: number): boolean {
    return (this.held[piece] ?? 0) === 0 && !this.#reading.has(piece);
  }

  /** The first cold piece at or after `from`. */
  firstCold(from = 0): number | undefined {
    if (this.coldPieces === 0) return undefined;
    while (this.#coldFrom < this.pieces && !this.isCold(this.#coldFrom)) this.#coldFrom += 1;
    for (let piece = Math.max(from, this.#coldFrom); piece < this.pieces; piece++) if (this.isCold(piece)) return piece;
    return undefined;
  }

  beginReading(piece: number, grant: Grant): void {
    if (this.isCold(piece)) this.coldPieces -= 1;
    this.wasRead = true;
    this.#reading.set(piece, grant);
  }

  endReading(piece: number, grant: Grant): void {
    if (this.#reading.get(piece) !== grant) return;
    this.#reading.delete(piece);
    if (this.isCold(piece)) this.#becomeCold(piece);
  }

  #becomeCold(piece: number): void {
    this.coldPieces += 1;
    this.#coldFrom = Math.min(this.#coldFrom, piece);
  }

  get tableIsComplete(): boolean {
    return this.lines === this.pieces;
  }

  knows(piece: number): boolean {
    return this.#table?.has(piece) ?? false;
  }

  /** Whether a line is the table's; undefined where the table has none for the piece. */
  matches(line: PieceHash): boolean | undefined {
    return this.#table?.matches(line.piece, line.hash);
  }

  /** Every line, ascending by piece. */
  table(): PieceHash[] {
    const lines: PieceHash[] = [];
    for (let piece = 0; piece < this.pieces; piece++) {
      const line = this.lineOf(piece);
      if (line !== undefined) lines.push(line);
    }
    return lines;
  }

  /** Nobody waits: what lines are said with is made again when somebody does. */
  forgetSaid(): void {
    this.#said = undefined;
  }

  /** The line of one piece. */
  lineOf(piece: number): PieceHash | undefined {
    const said = this.#said?.[piece];
    if (said !== undefined) return said;
    const hash = this.#table?.get(piece);
    if (hash === undefined) return undefined;
    return ((this.#said ??= [])[piece] = { piece, hash });
  }

  /** Adds lines; gives back those that were new and those that contradict the table. What is no line of this blob is neither. */
  learn(hashes: readonly PieceHash[]): { readonly fresh: PieceHash[]; readonly contradicting: number[] } {
    const fresh: PieceHash[] = [];
    const contradicting: number[] = [];
    this.#table ??= new PieceTable(this.pieces);
    for (const line of hashes) {
      if (!(line.piece >= 0 && line.piece < this.pieces) || line.hash.length !== PIECE_HASH_BYTES) continue;
      const verdict = this.#table.add(line);
      if (verdict === "conflict") contradicting.push(line.piece);
      if (verdict !== "new") continue;
      fresh.push(line);
      this.lineLog.push(line.piece);
      this.lines += 1;
      if ((this.held[line.piece] ?? 0) > 0) this.heldWithoutLine -= 1;
    }
    return { fresh, contradicting };
  }

  /** Forgets every line. */
  forgetTable(): void {
    this.#table = undefined;
    this.forgetSaid();
    this.lines = 0;
    this.witnesses.clear();
    this.alarms.clear();
    this.lineLog.length = 0;
    this.linePace = newLinePace();
    this.linesDueAt = undefined;
    for (const member of this.members) member.linesSent = 0;
    this.heldWithoutLine = this.held.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  }

  /** A member now holds one more piece; false where it did before. */
  hold(member: Member, piece: number): boolean {
    if (!member.have.add(piece)) return false;
    this.countHeld(piece, 1);
    if (member.have.isFull) this.idle.delete(member);
    return true;
  }

  countHeld(piece: number, by: 1 | -1): void {
    const before = this.held[piece] ?? 0;
    const changesFirst = by === 1 ? before === 0 : before === 1;
    if (changesFirst && by === 1 && !this.#reading.has(piece)) this.coldPieces -= 1;
    this.held[piece] = before + by;
    if (by === 1) this.stirred = true;
    if (!changesFirst) return;
    if (by === -1 && !this.#reading.has(piece)) this.#becomeCold(piece);
    if (!this.knows(piece)) this.heldWithoutLine += by;
  }

  /** Counts a member and everything it holds and is promised. */
  enter(member: Member): void {
    this.members.add(member);
    member.flow.isMeasured ||= this.flowed === 0;
    this.#list = undefined;
    for (const piece of member.have) this.countHeld(piece, 1);
    const { peer } = member;
    if (peer !== undefined) {
      for (const [piece, grant] of peer.promised.entries()) {
        if (grant === undefined) continue;
        this.promised[piece] = (this.promised[piece] ?? 0) + 1;
        if (grant.parent === undefined) this.beginReading(piece, grant);
      }
      for (const grant of peer.grants.values()) {
        if (grant.parent === undefined) this.stripes.add(grant);
        else if (grant.unit) this.units += 1;
      }
    }
    if ((peer?.needs.length ?? 0) > 0) this.needy.add(member);
    if (isWanting(member)) this.trees.join(member);
    this.noteIdle(member);
  }

  noteIdle(member: Member): void {
    if (isWanting(member) && member.peer.promisedCount === 0) this.idle.add(member);
    else this.idle.delete(member);
  }

  /** Uncounts a member that holds and is promised nothing any more. */
  leave(member: Member): void {
    this.members.delete(member);
    this.trees.leave(member);
    this.#list = undefined;
    this.idle.delete(member);
    this.needy.delete(member);
    this.askedInVain.delete(member);
    if (this.asked?.member === member) this.asked = undefined;
  }

  /** The least that a peer was promised to give so far, among the first `most`. */
  leastGivenBytes(most: number): number {
    let least: number | undefined;
    let seen = 0;
    for (const member of this.members) {
      if (!isWanting(member)) continue;
      least = Math.min(least ?? member.givenBytes, member.givenBytes);
      if ((seen += 1) >= most) break;
    }
    return least ?? 0;
  }

  /** The members in the order in which they came. */
  list(): readonly Member[] {
    return (this.#list ??= [...this.members]);
  }

  /** Peers that want pieces they do not hold, at most `most`: the rules need to know few from many only. */
  waiting(most: number): number {
    let count = 0;
    for (const member of this.#seenWaiting) if (this.members.has(member) && isWanting(member) && (count += 1) >= most) return most;
    const seen: Wanting[] = [];
    for (const member of this.members) {
      if (seen.length >= Math.max(most, SEEN_WAITING)) break;
      if (isWanting(member)) seen.push(member);
    }
    this.#seenWaiting = seen;
    return Math.min(most, seen.length);
  }

  /** Some of them, at most `most`. */
  someWaiting(most: number): Wanting[] {
    this.waiting(most);
    const some: Wanting[] = [];
    for (const member of this.#seenWaiting) {
      if (some.length >= most) break;
      if (this.members.has(member) && isWanting(member)) some.push(member);
    }
    return some;
  }

  /** How many hosts read stripes now. */
  get readers(): number {
    return new Set([...this.stripes].map((grant) => grant.child)).size;
  }
}
