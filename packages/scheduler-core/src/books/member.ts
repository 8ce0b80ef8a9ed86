import { PieceSet, type HostId, type PieceRun, type Priority, type SourceAccess } from "@darner/domain";
import type { GrantId } from "../grant.ts";
import type { Host } from "./host-table.ts";

/** How a peer stands: pieces will come; nobody can give them; only a source could that is not to be asked now; only one could that sends wrong bytes. */
export type Standing = "fed" | "starved" | "limited" | "struck";

/** One live grant: pieces promised to `child` by `parent`, or to be read from the source where there is none. */
export type Grant = {
  readonly id: GrantId;
  readonly child: Member;
  readonly parent: Member | undefined;
  readonly run: PieceRun;
  /** Brings pieces to the swarm that no peer of it has or is promised: counted for the pace of its child. */
  readonly unit: boolean;
  /** Only for its child: those below it in the trees do not follow. */
  readonly alone: boolean;
  /** How many pieces it promised when it was given. */
  readonly promised: number;
  /** How many of them are still owed. */
  left: number;
  /** Since when its giver could have sent what is owed, as far as was looked. */
  readySince: number | undefined;
  /** When its last piece came, or it was given. */
  progressAt: number;
  /** A stripe's: since when it is read, as far as one can tell; undefined while it waits for others of the same reader. */
  begunAt: number | undefined;
  /** A stripe's: how long it waited for its first piece; undefined where that says nothing of the registry. */
  firstPieceMs: number | undefined;
};

/** That a host wants a blob, and how it stands with that. */
export type Peer = {
  access: SourceAccess;
  sequential: boolean;
  priority: Priority;
  /** Which grant promises which piece; at most one each. */
  readonly promised: (Grant | undefined)[];
  promisedCount: number;
  readonly grants: Map<GrantId, Grant>;
  /** How many of them are stripes. */
  stripes: number;
  /** How many of them it was told to read at once. */
  connections: number;
  /** Pieces a reader waits for, first things first. */
  needs: number[];
  /** While pieces spread to it nothing that its reader waits for is promised besides before this instant. */
  neededFrom: number;
  /** Pieces that were hedged already. */
  readonly hedged: PieceSet;
  /** Parents that failed it, and until when it does not go back to them. */
  readonly avoided: Map<HostId, number>;
  /** Does not read the source before this instant. */
  sourceRestUntil: number;
  sourceFailures: number;
  /** When a piece it read from the source was last reported. */
  sourceProgressAt: number;
  /** Which one that was; undefined before, and once another host had it from this one. */
  newest: number | undefined;
  /** When it began, or last reported a piece. */
  reportedAt: number;
  /** When it began, last reported a piece, or was last told again that pieces will come. */
  assuredAt: number;
  /** Its own disk failed: nothing is granted before this instant. */
  heldBackUntil: number;
  /** What it was last told. */
  standing: Standing | undefined;
  /** Until when the source is not to be asked, by that word. */
  limitedUntil: number;
};

/** What a member took and gave while the links of its group were compared. */
export type Flow = {
  /** Whether it was there all the time. */
  isMeasured: boolean;
  /** Whether it reported since the last look. */
  isHeard: boolean;
  /** Pieces that came, from wherever. */
  received: number;
  /** Pieces that others had from it. */
  sent: number;
  /** What was ready for it at which parent when they were last compared, where it or the parent was behind the others: an entry a parent. */
  ready: Map<Member, readonly number[]> | undefined;
};

/** One host's part in one task: what it holds, and whether it wants the rest. */
export type Member = {
  readonly host: Host;
  /** Whose table its pieces were checked against. */
  registry: string;
  have: PieceSet;
  proven: boolean;
  peer: Peer | undefined;
  /** Bytes it was promised to give since it came, less what was taken back; who begins to want begins with the least of the others, not to be asked for everything. */
  givenBytes: number;
  /** How many of its group's lines, in the order in which they became known, it was sent. */
  linesSent: number;
  readonly flow: Flow;
  /** Grants in which it is the parent. */
  readonly feeding: Set<Grant>;
};

/** A host's part in a task it has said nothing of yet. */
export function newMember(host: Host, registry: string, pieces: number): Member {
  const flow = { isMeasured: false, isHeard: false, received: 0, sent: 0, ready: undefined };
  const have = new PieceSet(pieces);
  return { host, registry, have, proven: false, peer: undefined, givenBytes: 0, linesSent: 0, flow, feeding: new Set() };
}

/** A peer that was promised nothing yet. */
export function newPeer(pieces: number, access: SourceAccess, sequential: boolean, priority: Priority, now: number): Peer {
  return {
    access,
    sequential,
    priority,
    promised: new Array<Grant | undefined>(pieces).fill(undefined),
    promisedCount: 0,
    grants: new Map(),
    stripes: 0,
    connections: 0,
    needs: [],
    neededFrom: -Infinity,
    hedged: new PieceSet(pieces),
    avoided: new Map(),
    sourceRestUntil: 0,
    sourceFailures: 0,
    sourceProgressAt: 0,
    newest: undefined,
    reportedAt: now,
    assuredAt: now,
    heldBackUntil: 0,
    standing: undefined,
    limitedUntil: 0,
  };
}

/** A member that wants pieces it does not hold. */
export type Wanting = Member & { readonly peer: Peer };

/** Whether a member wants pieces it does not hold. */
export function isWanting(member: Member): member is Wanting {
  return member.peer !== undefined && !member.have.isFull;
}

/** Whether a wanting member neither holds the piece nor is promised it. */
export function lacks(member: Wanting, piece: number): boolean {
  return !member.have.has(piece) && member.peer.promised[piece] === undefined;
}
