import type { HostId } from "@darner/domain";
import type { PairSide } from "@darner/membership";

/** What one word of the other end brought. */
export type MemberStep =
  /** Go on listening; `send` first, where there is something. */
  | { readonly type: "more"; readonly send?: Uint8Array }
  /** The other end is a member; `send` first, where there is something. */
  | { readonly type: "admitted"; readonly send?: Uint8Array }
  /** The other end is none: end the connection. */
  | { readonly type: "failed" };

/** How the two ends of an authenticated channel show each other that they are members: a few words of at most `MAX_MEMBER_WORD_BYTES`, child first. */
export interface MemberHandshake {
  /** What this end says before it has heard anything. */
  begin(): MemberStep;
  hear(word: Uint8Array): MemberStep;
}

/** Who may talk to this host. */
export interface MemberGate {
  /** Whether a host is known to be a member now. */
  admits(host: HostId): boolean;
  /** Whether a host was removed: nothing it shows makes it a member again. */
  denies(host: HostId): boolean;
  /** How members are told from others on a channel whose other end has proven to be `other`; undefined where everybody is let in. */
  handshake(side: PairSide, other: HostId): MemberHandshake | undefined;
}

/** The gate of a host on loopback that lets everybody in. */
export const openGate: MemberGate = {
  admits: () => true,
  denies: () => false,
  handshake: () => undefined,
};
