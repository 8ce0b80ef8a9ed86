import { createHash } from "node:crypto";
import type { HostId } from "@darner/domain";
import { hostIdOfKey, KEY_BYTES, keyOfHost } from "./host-key.ts";
import type { OwnKey } from "./key-file.ts";
import { concat, readStatement, SIGNATURE_BYTES, signStatement } from "./statement.ts";

const FORM = 1;
const BODY_BYTES = 1 + KEY_BYTES + 8;

/** Length in bytes of every denial. */
export const DENIAL_BYTES: number = BODY_BYTES + SIGNATURE_BYTES;
/** Hosts that may be denied under one signing key: 400 KiB of them, and half a second to check them all. A cluster that needs more makes a new key. */
export const MAX_DENIALS = 4096;

/** What became of a denial that was heard. */
export type HeardDenial = "new" | "known" | "false" | "full";

/** Writes that a host is no member any more, signed by the cluster's key. `deniedAt`: milliseconds since 1970, for people only. */
export function writeDenial(host: HostId, deniedAt: number, key: OwnKey): Uint8Array {
  const named = keyOfHost(host);
  if (named === undefined) throw new RangeError(`${host} is the name of no key`);
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, BigInt(deniedAt));
  return signStatement("denial", concat(Uint8Array.of(FORM), named, time), key);
}

/**
 * The hosts that were removed. Each denial is signed by itself and none is ever taken back, so that two lists are joined by
 * taking what either has: schedulers that removed different hosts at the same time need no order among them.
 */
export class DenyList {
  readonly #signingKey: Uint8Array;
  // At most MAX_DENIALS, in the order in which they were heard.
  readonly #denials = new Map<HostId, Uint8Array>();
  #digest: Uint8Array | undefined;

  constructor(signingKey: Uint8Array) {
    this.#signingKey = signingKey;
  }

  get size(): number {
    return this.#denials.size;
  }

  has(host: HostId): boolean {
    return this.#denials.has(host);
  }

  /** Hosts in the order in which their denials were heard. */
  hosts(): HostId[] {
    return [...this.#denials.keys()];
  }

  /** All denials, or those heard after the first `from`. */
  denials(from = 0): Uint8Array[] {
    return [...this.#denials.values()].slice(from);
  }

  /** Takes a denial in; whose it is, where it is new. */
  hear(denial: Uint8Array): { readonly heard: HeardDenial; readonly host?: HostId } {
    if (denial.length !== DENIAL_BYTES || denial[0] !== FORM) return { heard: "false" };
    const host = hostIdOfKey(denial.slice(1, 1 + KEY_BYTES));
    if (this.#denials.has(host)) return { heard: "known" };
    if (readStatement("denial", denial, this.#signingKey) === undefined) return { heard: "false" };
    if (this.#denials.size >= MAX_DENIALS) return { heard: "full" };
    this.#denials.set(host, new Uint8Array(denial));
    this.#digest = undefined;
    return { heard: "new", host };
  }

  /** The same for two lists that deny the same hosts, whenever and by whom. */
  digest(): Uint8Array {
    this.#digest ??= digestOfHosts(this.#denials.keys());
    return this.#digest;
  }
}

/** One digest for a set of hosts, in whatever order they come. */
export function digestOfHosts(hosts: Iterable<HostId>): Uint8Array {
  const hash = createHash("sha256");
  for (const host of [...hosts].sort()) hash.update(host).update("\n");
  return new Uint8Array(hash.digest());
}
