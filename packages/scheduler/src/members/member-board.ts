import type { HostId } from "@darner/domain";
import {
  DenyList,
  MAX_DENIALS,
  MAX_MEMBERS,
  readListHead,
  writeDenial,
  writeListHead,
  type ListChange,
  type OwnKey,
} from "@darner/membership";
import type { Hello, MembershipNews } from "@darner/protocol";
import type { CancelTimer, Logger, Timers } from "@darner/runtime";
import { HostBook } from "./host-book.ts";
import { drawEpoch } from "./kept-members.ts";
import type { KeptMembers, MembersOnDisk } from "./kept-members.ts";

/** How far a session has got: which list it has, and how many of the denials. */
export type BoardMark = { readonly epoch: number; readonly version: number; readonly denials: number };

/** What a board works with. */
export type MemberBoardDeps = {
  readonly signingKey: OwnKey;
  readonly kept: KeptMembers;
  readonly disk: MembersOnDisk;
  readonly timers: Timers;
  readonly wallClock: () => number;
  readonly log: Logger;
};

/** Who wants to hear of changes. */
export interface BoardListener {
  /** There is something new to be said to every session. */
  onNews(): void;
  /** A host was removed, here or by another scheduler. */
  onDenied(host: HostId): void;
}

/** What became of a host that was to be removed. */
export type Removal = "removed" | "already-removed" | "list-full";

type Step = { readonly version: number; readonly added: readonly HostId[]; readonly removed: readonly HostId[] };

// Hosts of a cluster that starts come by the hundred a second: together they are one version, one signature and one message each.
const COMMIT_MS = 500;
// A daemon that was away for a few minutes of a busy day is told what changed; one that was away for longer is told all.
const MAX_STEPS = 500;

/** The members of the cluster and those removed from it, as this scheduler signs and tells them. */
export class MemberBoard implements AsyncDisposable {
  readonly denials: DenyList;
  readonly book: HostBook;
  readonly #deps: MemberBoardDeps;
  readonly #members: Set<HostId>;
  #listener: BoardListener | undefined;
  #epoch: number;
  #version: number;
  #head: Uint8Array;
  /** The last changes, oldest first; each follows the one before. */
  #steps: Step[] = [];
  #added = new Set<HostId>();
  #removed = new Set<HostId>();
  #isDirty = false;
  #cancelCommit: CancelTimer | undefined;

  constructor(deps: MemberBoardDeps) {
    this.#deps = deps;
    const { kept, signingKey } = deps;
    this.denials = new DenyList(signingKey.publicKey);
    for (const denial of kept.denials) this.denials.hear(denial);
    const hosts = kept.hosts.filter(({ host }) => !this.denials.has(host));
    this.book = new HostBook(MAX_MEMBERS, hosts);
    this.#members = new Set(this.book.hosts().map(({ host }) => host));
    this.#epoch = kept.epoch;
    // What was written down last may be older than what was said last: the version begins behind both.
    this.#version = kept.version + 1;
    this.#head = writeListHead(this.#epoch, this.#version, this.#members, signingKey);
    if (hosts.length === kept.hosts.length) this.#steps.push({ version: this.#version, added: [], removed: [] });
  }

  listen(listener: BoardListener): void {
    this.#listener = listener;
  }

  /** A host was let in: it is on the list from the next version on. */
  admitted(host: HostId, { via, admittedAt }: { readonly via: string; readonly admittedAt: number }): void {
    const forgotten = this.book.put(host, { via, admittedAt, lastSeenAt: this.#deps.wallClock() });
    if (forgotten !== undefined) this.#take(forgotten);
    if (!this.#members.has(host)) {
      this.#removed.delete(host);
      this.#added.add(host);
    }
    this.#changed();
  }

  /** A host that was let in said who it is. */
  seen(host: HostId, { name, address, zone, version }: Hello): void {
    this.book.put(host, { name, address, zone, version, lastSeenAt: this.#deps.wallClock() });
    this.book.connected(host, true);
    this.#changed();
  }

  gone(host: HostId): void {
    if (this.book.get(host) === undefined) return;
    this.book.put(host, { lastSeenAt: this.#deps.wallClock() });
    this.book.connected(host, false);
    this.#changed();
  }

  /** Removes a host for good. Resolves when that is on the disk; rejects where it cannot be written there. */
  async remove(host: HostId): Promise<Removal> {
    if (this.denials.has(host)) return "already-removed";
    if (this.denials.size >= MAX_DENIALS) return "list-full";
    const denial = writeDenial(host, this.#deps.wallClock(), this.#deps.signingKey);
    await this.#deps.disk.writeDenials([...this.denials.denials(), denial]);
    this.hear([denial]);
    return "removed";
  }

  /** Takes in denials that another scheduler signed and a daemon brought. */
  hear(denials: readonly Uint8Array[]): void {
    const heard = denials.map((denial) => this.denials.hear(denial));
    const news = heard.flatMap(({ heard, host }) => (heard === "new" && host !== undefined ? [host] : []));
    const wrong = heard.filter(({ heard }) => heard === "false" || heard === "full").length;
    if (wrong > 0) this.#deps.log.warn("denials not taken: not signed by the cluster's key, or too many", { denials: wrong });
    if (news.length === 0) return;
    for (const host of news) {
      this.#deps.log.info("host removed from the cluster", { host });
      this.book.delete(host);
      this.#take(host);
      this.#listener?.onDenied(host);
    }
    void this.#deps.disk.writeDenials(this.denials.denials()).catch((error: unknown) => {
      this.#deps.log.error("denials cannot be written; they are lost when this scheduler ends before its daemons", { error });
    });
    this.#changed();
    this.#listener?.onNews();
  }

  /**
   * How far a daemon is, by what it said it has. Where that is more than this scheduler knows of its own list (its disk was put
   * back, or it died before it wrote), the list is begun anew.
   */
  markOf(listHeads: readonly Uint8Array[], denialsDigest: Uint8Array): BoardMark {
    const denials = Buffer.compare(denialsDigest, this.denials.digest()) === 0 ? this.denials.size : 0;
    const heads = listHeads.flatMap((head) => readListHead(head, this.#deps.signingKey.publicKey) ?? []);
    const own = heads.find(({ epoch }) => epoch === this.#epoch);
    if (own !== undefined && own.version > this.#version) this.#beginAnew();
    return { epoch: own?.epoch ?? -1, version: own?.version ?? -1, denials };
  }

  /** What a session that is at `mark` has yet to hear; undefined where it is nothing. */
  news(mark: BoardMark): { readonly news: MembershipNews; readonly mark: BoardMark } | undefined {
    const now = { epoch: this.#epoch, version: this.#version, denials: this.denials.size };
    const isCurrent = mark.epoch === now.epoch && mark.version === now.version;
    if (isCurrent && mark.denials === now.denials) return undefined;
    const denials = this.denials.denials(mark.denials);
    return { news: isCurrent ? { denials } : { denials, list: this.#changeSince(mark) }, mark: now };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelCommit?.();
    this.#cancelCommit = undefined;
    this.#listener = undefined;
    if (this.#isDirty) this.#commit();
    await this.#deps.disk[Symbol.asyncDispose]();
  }

  #changeSince(mark: BoardMark): ListChange {
    const steps = this.#steps.filter(({ version }) => version > mark.version);
    const isKnown = mark.epoch === this.#epoch && steps.length === this.#version - mark.version;
    if (!isKnown) return { head: this.#head, full: true, added: [...this.#members], removed: [] };
    const added = new Set<HostId>();
    const removed = new Set<HostId>();
    for (const step of steps) {
      for (const host of step.added) {
        added.add(host);
        removed.delete(host);
      }
      for (const host of step.removed) {
        removed.add(host);
        added.delete(host);
      }
    }
    return { head: this.#head, full: false, added: [...added], removed: [...removed] };
  }

  #beginAnew(): void {
    this.#epoch = drawEpoch();
    this.#version = 1;
    this.#steps = [];
    this.#sign();
    this.#changed();
    this.#deps.log.warn("a daemon has a newer list of members than this scheduler: the list is begun anew", { epoch: this.#epoch });
    this.#listener?.onNews();
  }

  #take(host: HostId): void {
    this.#added.delete(host);
    if (this.#members.has(host)) this.#removed.add(host);
  }

  #changed(): void {
    this.#isDirty = true;
    this.#cancelCommit ??= this.#deps.timers.setTimeout(() => {
      this.#cancelCommit = undefined;
      this.#commit();
    }, COMMIT_MS);
  }

  /** Makes a new version of what has changed, and writes everything down. */
  #commit(): void {
    this.#isDirty = false;
    const step = { version: this.#version + 1, added: [...this.#added], removed: [...this.#removed] };
    if (step.added.length + step.removed.length > 0) {
      for (const host of step.added) this.#members.add(host);
      for (const host of step.removed) this.#members.delete(host);
      this.#added = new Set();
      this.#removed = new Set();
      this.#version = step.version;
      this.#steps = [...this.#steps, step].slice(-MAX_STEPS);
      this.#sign();
      this.#listener?.onNews();
    }
    this.#deps.disk.writeMembers({ epoch: this.#epoch, version: this.#version, hosts: this.book.hosts() });
  }

  #sign(): void {
    this.#head = writeListHead(this.#epoch, this.#version, this.#members, this.#deps.signingKey);
  }
}
