import { join } from "node:path";
import { openCertificate, openSigningKey, MAX_MEMBERS, TokenFile, writeFingerprint, type OwnKey } from "@darner/membership";
import type { HostId } from "@darner/domain";
import { isInsecure, type Config, type Logger, type Timers } from "@darner/runtime";
import type { SessionTls } from "../grpc/session-server.ts";
import type { SessionListener } from "../grpc/session.ts";
import type { SchedulerMetrics } from "../metrics.ts";
import { openDoor, type Door } from "./door.ts";
import { HostBook } from "./host-book.ts";
import { InsecureDesk } from "./insecure-desk.ts";
import { MembersOnDisk } from "./kept-members.ts";
import { MemberBoard, type Removal } from "./member-board.ts";
import { MemberDesk } from "./member-desk.ts";
import { MemberDoor } from "./member-door.ts";
import { AccountReviewer } from "./token-review.ts";

/** What membership works with. */
export type MembersDeps = {
  readonly log: Logger;
  readonly timers: Timers;
  readonly metrics: SchedulerMetrics;
  /** The time of day: milliseconds since 1970. */
  readonly wallClock: () => number;
};

/** Who may have a session with this scheduler. */
export type Members = AsyncDisposable & {
  readonly book: HostBook;
  /** How many hosts were on the list of members when this scheduler began; infinite where there is none. */
  readonly knownAtStart: number;
  readonly door: Door;
  /** The cluster's signing key; absent: everybody is let in. */
  readonly signingKey?: OwnKey;
  /** Absent: sessions are plain. */
  readonly tls?: SessionTls;
  /** Puts membership before whoever listens to the sessions. */
  before(next: SessionListener): SessionListener;
  /** Removes a host; undefined where everybody is let in. */
  remove(host: HostId): Promise<Removal> | undefined;
};

/** Opens membership in the scheduler's folder. Rejects with `StartError`. */
export async function openMembers(config: Config, dir: string, deps: MembersDeps): Promise<Members> {
  const { log, timers, metrics, wallClock } = deps;
  if (isInsecure(config, ["grpc"])) {
    log.warn("everybody who reaches this scheduler is let in, plain and without a token (join.insecure)", { grpc: config.listen.grpc });
    return insecureMembers(wallClock);
  }
  const signingKey = await openSigningKey(dir, config.join.signingKeyFile);
  const certificatePem = await openCertificate(join(dir, "signing.crt"), signingKey);
  const tokens = new TokenFile(config.join.tokensFile ?? join(dir, "join-tokens.json"));
  const known = await tokens.tokens();
  const disk = new MembersOnDisk(dir, log);
  const kept = await disk.read();
  const board = new MemberBoard({ signingKey, kept, disk, timers, wallClock, log });
  const reviewer = new AccountReviewer(config.join.kubernetes, log);
  const reviewAccount = reviewer.review.bind(reviewer);
  log.info("members only", { fingerprint: writeFingerprint(signingKey.publicKey), joinTokens: known.length, removed: board.denials.size });
  return {
    book: board.book,
    knownAtStart: kept.hosts.length === 0 ? Infinity : kept.hosts.length,
    door: new MemberDoor({ signingKey, tokens, reviewAccount, board, clock: timers, wallClock, log, metrics }),
    signingKey,
    tls: { privateKeyPem: signingKey.privateKeyPem, certificatePem },
    before: (next) => new MemberDesk(board, next),
    remove: (host) => board.remove(host),
    [Symbol.asyncDispose]: () => board[Symbol.asyncDispose](),
  };
}

function insecureMembers(wallClock: () => number): Members {
  const book = new HostBook(MAX_MEMBERS);
  return {
    book,
    knownAtStart: Infinity,
    door: openDoor,
    before: (next) => new InsecureDesk(book, wallClock, next),
    remove: () => undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
