import { randomBytes } from "node:crypto";
import type { HostId } from "@darner/domain";
import {
  CHALLENGE_BYTES,
  isHostProven,
  readAdmission,
  writeAdmission,
  type OwnKey,
  type TokenFile,
  type TokenVerdict,
} from "@darner/membership";
import type { Join, JoinCredential } from "@darner/protocol";
import type { Clock, Logger } from "@darner/runtime";
import type { SchedulerMetrics } from "../metrics.ts";
import type { Arrival, Door, Entry, JoinRefusal } from "./door.ts";
import { JoinLimit } from "./join-limit.ts";
import type { MemberBoard } from "./member-board.ts";
import type { AccountVerdict } from "./token-review.ts";

/** What the door of a cluster works with. */
export type MemberDoorDeps = {
  readonly signingKey: OwnKey;
  readonly tokens: TokenFile;
  /** Whose token of a service account this is. */
  readonly reviewAccount: (token: string) => Promise<AccountVerdict>;
  readonly board: MemberBoard;
  readonly clock: Clock;
  /** The time of day: milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly log: Logger;
  readonly metrics: Pick<SchedulerMetrics, "joins">;
};

type Admitted = { readonly admission: Uint8Array; readonly via: string; readonly admittedAt: number; readonly isNew: boolean };
type Judged = Admitted | JoinRefusal;

const TOKEN_REFUSALS: Readonly<Record<Exclude<TokenVerdict, "valid">, JoinRefusal>> = {
  unknown: "token-unknown",
  "wrong-secret": "token-wrong",
  expired: "token-expired",
};

/** Lets members in, and makes members of those who show a valid token. */
export class MemberDoor implements Door {
  readonly #deps: MemberDoorDeps;
  readonly #limit: JoinLimit;

  constructor(deps: MemberDoorDeps) {
    this.#deps = deps;
    this.#limit = new JoinLimit(deps.clock);
  }

  challenge(): Uint8Array {
    return new Uint8Array(randomBytes(CHALLENGE_BYTES));
  }

  async admit(arrival: Arrival): Promise<Entry> {
    const judged = await this.#judge(arrival);
    const { host, from } = arrival;
    const { metrics, log, board } = this.#deps;
    if (typeof judged === "string") {
      metrics.joins.inc({ outcome: judged });
      log.warn("host not let in", { host, from, reason: judged });
      return { ok: false, reason: judged };
    }
    metrics.joins.inc({ outcome: judged.isNew ? "joined" : "known" });
    if (judged.isNew) log.info("host is a member now", { host, from, via: judged.via });
    board.admitted(host, judged);
    return { ok: true, membership: { admission: judged.admission, denialsDigest: board.denials.digest() } };
  }

  async #judge({ host, join, challenge, from }: Arrival): Promise<Judged> {
    const { board, signingKey } = this.#deps;
    if (!this.#limit.tries(from)) return "too-many-tries";
    if (join === undefined || challenge === undefined || !isHostProven(host, join.proof, challenge, signingKey.publicKey))
      return "not-proven";
    if (board.denials.has(host)) return "denied";
    const judged = await this.#judgeShown(host, join);
    // While the API server was asked somebody may have removed it.
    if (board.denials.has(host)) return "denied";
    if (typeof judged !== "string") this.#limit.succeeded(from);
    return judged;
  }

  async #judgeShown(host: HostId, { admission, credential }: Join): Promise<Judged> {
    const shown = admission === undefined ? undefined : readAdmission(admission, this.#deps.signingKey.publicKey);
    if (admission !== undefined && shown?.host === host) return { ...shown, admission, isNew: false };
    if (credential === undefined) return admission === undefined ? "no-credential" : "false-admission";
    const via = await this.#judgeCredential(credential);
    if (!via.ok) return via.reason;
    const admittedAt = this.#deps.wallClock();
    return {
      admission: writeAdmission({ host, admittedAt, via: via.name }, this.#deps.signingKey),
      via: via.name,
      admittedAt,
      isNew: true,
    };
  }

  async #judgeCredential(credential: JoinCredential): Promise<{ ok: true; name: string } | { ok: false; reason: JoinRefusal }> {
    if (credential.type === "token") {
      const { id, secret } = credential;
      const verdict = await this.#checkToken(id, secret.reveal());
      return verdict === "valid" ? { ok: true, name: `token ${id}` } : { ok: false, reason: TOKEN_REFUSALS[verdict] };
    }
    const verdict = await this.#deps.reviewAccount(credential.token.reveal());
    return verdict.type === "account" ? { ok: true, name: `account ${verdict.name}` } : { ok: false, reason: `account-${verdict.type}` };
  }

  async #checkToken(id: string, secret: string): Promise<TokenVerdict> {
    try {
      return await this.#deps.tokens.check(id, secret, this.#deps.wallClock());
    } catch (error) {
      this.#deps.log.error("file of join tokens cannot be read", { error });
      return "unknown";
    }
  }
}
