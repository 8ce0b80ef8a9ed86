import type { HostId } from "@darner/domain";
import { LruMap } from "@darner/runtime";
import { digestOfHosts } from "./denial.ts";
import type { OwnKey } from "./key-file.ts";
import { readStatement, SIGNATURE_BYTES, signStatement } from "./statement.ts";

/**
 * Which list of members it is. `epoch` is drawn by a scheduler when it begins a list, `version` grows with each change of it:
 * lists of one epoch are older and newer, those of two epochs are different schedulers' and stand beside each other.
 */
export type ListHead = { readonly epoch: number; readonly version: number; readonly count: number; readonly digest: Uint8Array };

/** A change of the list: from nothing (`full`) or from an older version of it. */
export type ListChange = {
  /** Signed by the cluster's key; it is about the list as it is after the change. */
  readonly head: Uint8Array;
  readonly full: boolean;
  readonly added: readonly HostId[];
  readonly removed: readonly HostId[];
};

/** Why a change was not taken. */
export type ListProblem =
  /** Not signed by the cluster's key, or no head at all. */
  | "false-head"
  /** Older than the list that is there. */
  | "older"
  /** The hosts are not those that were signed: something was left out, put in, or missed. */
  | "other-hosts"
  /** More hosts than a list may have. */
  | "too-many";

/** Hosts a list may have: twice what Darner is built for, about 1 MiB on the wire. */
export const MAX_MEMBERS = 20_000;

const DIGEST_BYTES = 32;
const FORM = 1;
const BODY_BYTES = 1 + 8 + 8 + 4 + DIGEST_BYTES;

/** Length in bytes of a signed head. */
export const LIST_HEAD_BYTES: number = BODY_BYTES + SIGNATURE_BYTES;

/** Signs the head of a list. */
export function writeListHead(epoch: number, version: number, hosts: ReadonlySet<HostId>, key: OwnKey): Uint8Array {
  const body = new Uint8Array(BODY_BYTES);
  const view = new DataView(body.buffer);
  view.setUint8(0, FORM);
  view.setBigUint64(1, BigInt(epoch));
  view.setBigUint64(9, BigInt(version));
  view.setUint32(17, hosts.size);
  body.set(digestOfHosts(hosts), 21);
  return signStatement("member list", body, key);
}

/** Reads a head that `signingKey` has signed; undefined for anything else. Never throws. */
export function readListHead(bytes: Uint8Array, signingKey: Uint8Array): ListHead | undefined {
  if (bytes.length !== LIST_HEAD_BYTES || bytes[0] !== FORM) return undefined;
  const body = readStatement("member list", bytes, signingKey);
  if (body === undefined) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [epoch, version] = [Number(view.getBigUint64(1)), Number(view.getBigUint64(9))];
  if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(version)) return undefined;
  return { epoch, version, count: view.getUint32(17), digest: body.slice(21) };
}

/** One scheduler's list as a host keeps it: it changes only to what the cluster's key has signed, and never back. */
class MemberList {
  #hosts: ReadonlySet<HostId> = new Set();
  #head: { readonly bytes: Uint8Array; readonly read: ListHead } | undefined;

  /** The signed head; empty while there is no list. */
  get head(): Uint8Array {
    return this.#head?.bytes ?? new Uint8Array();
  }

  get hosts(): ReadonlySet<HostId> {
    return this.#hosts;
  }

  has(host: HostId): boolean {
    return this.#hosts.has(host);
  }

  /** Takes a change in, or says why not; the list is then as it was. */
  change({ head, full, added, removed }: ListChange, read: ListHead): ListProblem | undefined {
    if (this.#head !== undefined && read.version < this.#head.read.version) return "older";
    if (read.count > MAX_MEMBERS || added.length > MAX_MEMBERS) return "too-many";
    const hosts = new Set(full ? [] : this.#hosts);
    for (const host of removed) hosts.delete(host);
    for (const host of added) hosts.add(host);
    if (hosts.size !== read.count || Buffer.compare(digestOfHosts(hosts), read.digest) !== 0) return "other-hosts";
    this.#hosts = hosts;
    this.#head = { bytes: new Uint8Array(head), read };
    return undefined;
  }
}

// A cluster has two or three schedulers; lists of those that are gone make room.
const MAX_LISTS = 4;

/** The lists of members that a host has heard of its schedulers: who is on one of them is a member. */
export class MemberLists {
  readonly #signingKey: Uint8Array;
  readonly #lists = new LruMap<number, MemberList>({ maxEntries: MAX_LISTS });

  constructor(signingKey: Uint8Array) {
    this.#signingKey = signingKey;
  }

  has(host: HostId): boolean {
    for (const [, list] of this.#lists.entries()) if (list.has(host)) return true;
    return false;
  }

  /** The lists as they are, the one that was heard of last at the end. */
  lists(): { readonly head: Uint8Array; readonly hosts: readonly HostId[] }[] {
    return [...this.#lists.entries()].map(([, { head, hosts }]) => ({ head, hosts: [...hosts] }));
  }

  heads(): Uint8Array[] {
    return [...this.#lists.entries()].map(([, { head }]) => head);
  }

  /** Takes a change in, or says why not; everything is then as it was, but for a list that has missed something: that is forgotten, to be heard anew. */
  change(change: ListChange): ListProblem | undefined {
    const read = readListHead(change.head, this.#signingKey);
    if (read === undefined) return "false-head";
    const list = this.#lists.get(read.epoch) ?? new MemberList();
    const problem = list.change(change, read);
    if (problem === undefined) this.#lists.set(read.epoch, list);
    if (problem === "other-hosts") this.#lists.delete(read.epoch);
    return problem;
  }
}
