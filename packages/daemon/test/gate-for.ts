import type { HostId } from "@darner/domain";
import type { MemberGate } from "../src/membership/member-gate.ts";

/** A gate that knows its members by themselves and hears no word of them. */
export function gateFor(admits: (host: HostId) => boolean): MemberGate {
  return { admits, denies: () => false, handshake: () => undefined };
}
