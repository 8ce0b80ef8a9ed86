import { digestOf, isRepositoryName, parseDigest, type Digest, type Repository, type Task } from "@darner/domain";
import { Secret } from "@darner/runtime";
import { asBytes, asList, asObject, asTask, asText, asWhole, asWord, WireError, type WireObject } from "./wire.ts";

/** One thing a host is to hold, and where it may be read from the source. */
export type WarmContent = {
  readonly task: Task;
  readonly kind: "manifest" | "blob";
  readonly mediaType: string;
  readonly repository: Repository;
  /** A small manifest itself: nobody asks the registry for it again. */
  readonly bytes?: Uint8Array;
};

/** What a host is to hold for a preheat job, in this order. */
export type WarmOrder = {
  readonly job: number;
  readonly priority: number;
  readonly pinMs: number;
  /** The job's credential, for the few hosts that read with it. */
  readonly authorization?: Secret;
  /** Whether this host may read the source without a credential of its own for it. */
  readonly mayRead: boolean;
  readonly contents: readonly WarmContent[];
};

/** How a content stands on a host, whichever jobs want it. */
export type WarmReport = { readonly digest: Digest } & (
  | { readonly state: "held" }
  | { readonly state: "progress"; readonly bytes: number }
  | { readonly state: "failed"; readonly reason: string; readonly final: boolean }
);

// A name or a media type is at most 255 characters; a sentence for an admin somewhat more; a registry's token some KiB.
const MAX_TEXT = 255;
const MAX_REASON = 2000;
const MAX_AUTHORIZATION = 65_536;

/** The reports of a message, where there are any. */
export function readWarmReports(value: unknown): { readonly warmed?: readonly WarmReport[] } {
  const reports = asList(value, "warmed");
  return reports.length === 0 ? {} : { warmed: reports.map(readWarmReport) };
}

function readWarmReport(value: unknown): WarmReport {
  const wire = asObject(value, "warmed");
  const text = asText(wire["digest"], "warmed.digest", MAX_TEXT);
  if (!parseDigest(text).ok) throw new WireError("warmed.digest", "a digest");
  const digest = digestOf(text);
  const state = asWord(wire["state"], "warmed.state", ["held", "progress", "failed"]);
  switch (state) {
    case "held":
      return { digest, state };
    case "progress":
      return { digest, state, bytes: asWhole(wire["bytes"], "warmed.bytes") };
    case "failed":
      return { digest, state, reason: asText(wire["reason"], "warmed.reason", MAX_REASON), final: wire["final"] === true };
  }
}

/** The orders and releases of a message, where there are any. */
export function readWarmOrders(
  orders: unknown,
  released: unknown,
): { readonly warm?: readonly WarmOrder[]; readonly released?: readonly number[] } {
  const warm = asList(orders, "warm").map(readWarmOrder);
  const jobs = asList(released, "released").map((job) => asWhole(job, "released"));
  return { ...(warm.length === 0 ? {} : { warm }), ...(jobs.length === 0 ? {} : { released: jobs }) };
}

function readWarmOrder(value: unknown): WarmOrder {
  const wire = asObject(value, "warm");
  const authorization = asText(wire["authorization"], "warm.authorization", MAX_AUTHORIZATION);
  return {
    job: asWhole(wire["job"], "warm.job"),
    priority: asWhole(wire["priority"], "warm.priority"),
    pinMs: asWhole(wire["pin_ms"], "warm.pin_ms"),
    ...(authorization === "" ? {} : { authorization: new Secret(authorization) }),
    mayRead: wire["may_read"] === true,
    contents: asList(wire["contents"], "warm.contents").map(readContent),
  };
}

function readContent(value: unknown): WarmContent {
  const wire = asObject(value, "warm.contents");
  const name = asText(wire["name"], "warm.contents.name", MAX_TEXT);
  if (!isRepositoryName(name)) throw new WireError("warm.contents.name", "a repository's name");
  const bytes = asBytes(wire["bytes"], "warm.contents.bytes");
  return {
    task: asTask(wire["task"], "warm.contents.task"),
    kind: asWord(wire["kind"], "warm.contents.kind", ["manifest", "blob"]),
    mediaType: asText(wire["media_type"], "warm.contents.media_type", MAX_TEXT),
    repository: { registry: asText(wire["registry"], "warm.contents.registry", MAX_TEXT), name },
    ...(bytes.length === 0 ? {} : { bytes }),
  };
}

/** An order as the protobuf runtime wants it. */
export function writeWarmOrder({ job, priority, pinMs, authorization, mayRead, contents }: WarmOrder): WireObject {
  return {
    job,
    priority,
    pin_ms: Math.round(pinMs),
    authorization: authorization?.reveal() ?? "",
    may_read: mayRead,
    contents: contents.map(({ task, kind, mediaType, repository: { registry, name }, bytes }) => ({
      task,
      kind,
      media_type: mediaType,
      registry,
      name,
      bytes: bytes ?? new Uint8Array(0),
    })),
  };
}
