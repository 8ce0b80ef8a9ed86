import type { HostId } from "@darner/domain";
import type { Join, Welcome } from "@darner/protocol";

/** Why a host is not let in, for the log and the metric; it is told less. */
export type JoinRefusal =
  /** It did not sign the challenge with the key its id is made of. */
  | "not-proven"
  /** It was removed from the cluster. */
  | "denied"
  /** Its admission is not signed by the cluster's key, or is another host's. */
  | "false-admission"
  /** It showed nothing. */
  | "no-credential"
  /** No such token, or it was revoked. */
  | "token-unknown"
  /** The token's secret is another. */
  | "token-wrong"
  | "token-expired"
  /** The service account is none that may join, or its token is none. */
  | "account-refused"
  /** The API server could not be asked. */
  | "account-unverified"
  /** Its address showed too many wrong things lately. */
  | "too-many-tries";

/** Somebody at the door. */
export type Arrival = {
  readonly host: HostId;
  readonly join: Join | undefined;
  readonly challenge: Uint8Array | undefined;
  /** The address it comes from, without the port. */
  readonly from: string;
};

/** What the door says. */
export type Entry =
  { readonly ok: true; readonly membership?: NonNullable<Welcome["membership"]> } | { readonly ok: false; readonly reason: JoinRefusal };

/** Decides who may have a session. */
export interface Door {
  /** What a new session is asked to sign; undefined where everybody is let in. */
  challenge(): Uint8Array | undefined;
  /** Never rejects. */
  admit(arrival: Arrival): Promise<Entry>;
}

/** The door of a scheduler on loopback that lets everybody in. */
export const openDoor: Door = {
  challenge: () => undefined,
  admit: () => Promise.resolve({ ok: true }),
};
