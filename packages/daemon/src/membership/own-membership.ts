import type { HostId } from "@darner/domain";
import { proveHost, readAdmission, type DenyList, type MemberLists, type PairSide } from "@darner/membership";
import type { Join, JoinCredential, MembershipNews, Welcome } from "@darner/protocol";
import { LruMap, type Logger, type Secret } from "@darner/runtime";
import type { Identity } from "../identity/identity.ts";
import type { SchedulerJoin } from "../scheduler-link/scheduler-join.ts";
import { AdmissionHandshake } from "./admission-handshake.ts";
import type { KeptMembership } from "./kept-membership.ts";
import type { MemberGate, MemberHandshake } from "./member-gate.ts";
import { PairHandshake } from "./pair-handshake.ts";

/** What membership works with. */
export type OwnMembershipDeps = {
  readonly identity: Identity;
  /** The cluster's. */
  readonly signingKey: Uint8Array;
  readonly kept: KeptMembership;
  readonly admission: Uint8Array | undefined;
  readonly lists: MemberLists;
  readonly denials: DenyList;
  /** What may get this host an admission, read when it is needed; undefined where there is nothing. */
  readonly credential: () => Promise<JoinCredential | undefined>;
  /** The secret that hosts prove to each other where there is no scheduler; undefined where there is one. */
  readonly pairSecret: Secret | undefined;
  readonly log: Logger;
};

// As many as a list may have: hosts that showed their admission, or proved the secret, to this host itself.
const MAX_SHOWN = 20_000;

/** This host's membership, and what it knows of the other members. */
export class OwnMembership implements MemberGate, SchedulerJoin {
  readonly signingKey: Uint8Array;
  readonly #deps: OwnMembershipDeps;
  readonly #shown = new LruMap<HostId, true>({ maxEntries: MAX_SHOWN });
  #admission: Uint8Array | undefined;
  /** A scheduler did not take the admission that was kept: the next is shown the token as well. */
  #showsCredential = false;

  constructor(deps: OwnMembershipDeps) {
    this.#deps = deps;
    this.signingKey = deps.signingKey;
    this.#admission = deps.admission;
  }

  admits(host: HostId): boolean {
    return !this.denies(host) && (this.#deps.lists.has(host) || this.#shown.has(host));
  }

  denies(host: HostId): boolean {
    return this.#deps.denials.has(host);
  }

  handshake(side: PairSide, other: HostId): MemberHandshake {
    const { identity, pairSecret } = this.#deps;
    const proven = (): void => {
      this.#shown.set(other, true);
    };
    if (pairSecret !== undefined) return new PairHandshake({ side, own: identity.host, other, secret: pairSecret, proven });
    const admit = (admission: Uint8Array): boolean => this.#admitShown(other, admission);
    return new AdmissionHandshake({ side, own: this.#admission, isKnown: () => this.admits(other), admit });
  }

  async join(challenge: Uint8Array): Promise<Join> {
    const { identity, lists, denials } = this.#deps;
    const credential = this.#admission === undefined || this.#showsCredential ? await this.#deps.credential() : undefined;
    return {
      proof: proveHost(challenge, this.signingKey, identity),
      denialsDigest: denials.digest(),
      listHeads: lists.heads(),
      ...(this.#admission === undefined ? {} : { admission: this.#admission }),
      ...(credential === undefined ? {} : { credential }),
    };
  }

  welcomed({ admission, denialsDigest }: NonNullable<Welcome["membership"]>): readonly Uint8Array[] | undefined {
    const { identity, denials, kept, log } = this.#deps;
    if (readAdmission(admission, this.signingKey)?.host !== identity.host) return undefined;
    if (this.#admission === undefined) log.info("this host is a member now");
    if (this.#admission === undefined || Buffer.compare(this.#admission, admission) !== 0) kept.writeAdmission(this.signingKey, admission);
    this.#admission = admission;
    this.#showsCredential = false;
    return Buffer.compare(denialsDigest, denials.digest()) === 0 ? [] : denials.denials();
  }

  heard({ list: change, denials: told }: MembershipNews): boolean {
    const { lists, denials, kept, log } = this.#deps;
    const heard = told.map((denial) => denials.hear(denial).heard);
    if (heard.includes("new")) {
      kept.writeDenials(denials);
      log.info("hosts were removed from the cluster", { removed: denials.size });
    }
    const problem = change === undefined ? undefined : lists.change(change);
    if (change !== undefined && problem === undefined) kept.writeLists(lists);
    if (problem !== undefined) log.warn("list of members not taken", { problem });
    if (heard.includes("false")) log.warn("denials not taken: not signed by the cluster's key", { denials: heard.length });
    // An older list does no harm and is not taken; what is not signed comes from no scheduler of this cluster.
    return (problem === undefined || problem === "older") && !heard.includes("false");
  }

  notAMember(): void {
    this.#showsCredential = true;
  }

  #admitShown(other: HostId, admission: Uint8Array): boolean {
    if (this.denies(other)) return false;
    if (this.admits(other)) return true;
    if (readAdmission(admission, this.signingKey)?.host !== other) return false;
    this.#shown.set(other, true);
    return true;
  }
}
