import type { Join, MembershipNews, Welcome } from "@darner/protocol";

/** What a session with a scheduler needs to know of this host's membership, and what it tells it. */
export interface SchedulerJoin {
  /** The key that a scheduler of this cluster proves in the TLS handshake. */
  readonly signingKey: Uint8Array;
  /** What this host shows to be let in. */
  join(challenge: Uint8Array): Promise<Join>;
  /** It was let in. Gives the denials that the scheduler has yet to hear; undefined where the admission is none of this host's. */
  welcomed(membership: NonNullable<Welcome["membership"]>): readonly Uint8Array[] | undefined;
  /** Something has changed among the members; false where that is not signed, or does not follow from what is known: the session is of no use. */
  heard(news: MembershipNews): boolean;
  /** What was shown did not make this host a member. */
  notAMember(): void;
}
