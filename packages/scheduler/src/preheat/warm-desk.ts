import { parseTask, type Digest, type HostId } from "@darner/domain";
import type { Content, JobEvent, LiveHost, WarmContent } from "@darner/preheat";
import type { Hello, HostMessage, WarmContent as WireContent, WarmReport } from "@darner/protocol";
import { isLoopback, type Logger } from "@darner/runtime";
import type { Scheduler } from "@darner/scheduler-core";
import { hostOf } from "../grpc/reachable-address.ts";
import type { Session, SessionEnd, SessionListener } from "../grpc/session.ts";
import type { WarmOrder, WarmSwarm } from "./preheat-jobs.ts";

/** What happens to hosts, for the engine. */
export type HostEvent = Extract<JobEvent, { readonly host: unknown }>;

/** What a desk works with. */
export type WarmDeskDeps = {
  readonly core: Pick<Scheduler, "holds">;
  /** Whether sessions are encrypted and for members only; else credentials leave on loopback only. */
  readonly isSecure: boolean;
  readonly post: (event: HostEvent) => void;
  readonly log: Logger;
};

// Manifests are a few KiB; a larger one spreads through the swarm like a blob and costs one more request at the registry.
const MAX_INLINE_BYTES = 256 * 1024;
// Half of what a session puts into one message.
const MAX_ORDER_BYTES = 2 * 1024 * 1024;
// A digest, a size, a repository and what protobuf adds.
const CONTENT_BYTES = 512;
// What a daemon that does not name its platform is taken for: it is older than preheats, and runs where most do.
const USUAL_PLATFORM = "linux/amd64";

type LiveSession = { readonly session: Session; readonly about: LiveHost };

/** Stands before the matchmaker: carries preheat orders to hosts, and what hosts say of them to the engine. */
export class WarmDesk implements SessionListener, WarmSwarm {
  readonly #next: SessionListener;
  readonly #deps: WarmDeskDeps;
  // One entry a connected host; bounded by the hosts the next listener lets stay.
  readonly #live = new Map<HostId, LiveSession>();

  constructor(next: SessionListener, deps: WarmDeskDeps) {
    this.#next = next;
    this.#deps = deps;
  }

  live(): readonly LiveHost[] {
    return [...this.#live.values()].map(({ about }) => about);
  }

  holds(host: HostId, contents: readonly Pick<Content, "digest" | "size">[]): readonly Digest[] {
    return contents.flatMap(({ digest, size }) => {
      const task = parseTask(digest, size);
      return task !== undefined && (size === 0 || this.#deps.core.holds(host, task)) ? [digest] : [];
    });
  }

  warm({ host, job, contents, priority, pinMs, authorization, mayReadUnasked }: WarmOrder): void {
    const session = this.#live.get(host)?.session;
    if (session === undefined) return;
    const mayGo = authorization !== undefined && this.#mayCarry(session);
    const mayRead = mayReadUnasked || (authorization !== undefined && !mayGo);
    const order = { job, priority, pinMs, mayRead, ...(mayGo ? { authorization } : {}) };
    for (const part of inParts(this.#readable(host, contents))) session.warm({ ...order, contents: part });
  }

  release(host: HostId, job: number): void {
    this.#live.get(host)?.session.release(job);
  }

  onHello(session: Session, hello: Hello): void {
    const { host, name, address, zone, seed, platform = USUAL_PLATFORM, labels = {} } = hello;
    const about = { host, name, ip: hostOf(address).replace(/^\[|\]$/g, ""), zone, seed, platform, labels };
    this.#live.set(host, { session, about });
    this.#next.onHello(session, hello);
    // It may have been turned away: there are as many hosts as may be.
    if (this.#live.get(host)?.session === session) this.#deps.post({ type: "host-joined", host: about });
  }

  onMessage(session: Session, message: HostMessage): void {
    this.#next.onMessage(session, message);
    const { host } = session;
    if (host === undefined || this.#live.get(host)?.session !== session) return;
    for (const report of message.warmed ?? []) this.#deps.post(eventOf(host, report));
  }

  onSlowed(session: Session): void {
    this.#next.onSlowed(session);
  }

  onRefused(session: Session, end: SessionEnd, details: string): void {
    this.#next.onRefused(session, end, details);
  }

  onEnd(session: Session): void {
    const { host } = session;
    if (host !== undefined && this.#live.get(host)?.session === session) {
      this.#live.delete(host);
      this.#deps.post({ type: "host-left", host });
    }
    this.#next.onEnd(session);
  }

  /** A credential leaves over a link that members only can read, or one that does not leave the machine. */
  #mayCarry(session: Session): boolean {
    if (this.#deps.isSecure || isLoopback(hostOf(session.seenAt))) return true;
    this.#deps.log.warn("a job's credential is not sent over a plain link: the host reads with its own (join.insecure)", {
      host: session.host,
    });
    return false;
  }

  /** What can be fetched and proven; the rest fails at once. */
  #readable(host: HostId, contents: readonly WarmContent[]): WireContent[] {
    return contents.flatMap(({ digest, size, kind, mediaType, repository, bytes }) => {
      const task = parseTask(digest, size);
      if (task === undefined) {
        const reason = `the algorithm of ${digest} is none that Darner can check; clients get it straight from the registry`;
        this.#deps.post({ type: "content-failed", host, digest, reason, isFinal: true });
        return [];
      }
      return [{ task, kind, mediaType, repository, ...(bytes !== undefined && bytes.length <= MAX_INLINE_BYTES ? { bytes } : {}) }];
    });
  }
}

function inParts(contents: readonly WireContent[]): WireContent[][] {
  const parts: WireContent[][] = [];
  let left = 0;
  for (const content of contents) {
    const bytes = CONTENT_BYTES + (content.bytes?.length ?? 0);
    const last = parts.at(-1);
    if (last === undefined || bytes > left) {
      parts.push([content]);
      left = MAX_ORDER_BYTES - bytes;
      continue;
    }
    last.push(content);
    left -= bytes;
  }
  return parts;
}

function eventOf(host: HostId, report: WarmReport): HostEvent {
  const { digest } = report;
  switch (report.state) {
    case "held":
      return { type: "content-held", host, digest };
    case "progress":
      return { type: "content-progress", host, digest, bytes: report.bytes };
    case "failed":
      return { type: "content-failed", host, digest, reason: report.reason, isFinal: report.final };
  }
}
