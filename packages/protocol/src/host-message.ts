import { parseHostId, pieceCount, PieceSet, type Task } from "@darner/domain";
import type { GrantFailureCode, Hello, Holding, HostMessage, HostReport, TaskReport } from "./messages.ts";
import { readDenials, readJoin, writeJoin } from "./membership-message.ts";
import { readHostStanding, writeHostStanding } from "./standing-message.ts";
import { readPublicFacts, writePublicFacts } from "./public-fact.ts";
import { readWarmReports } from "./warm-message.ts";
import {
  asBytes,
  asHashes,
  asList,
  asObject,
  asRun,
  asTask,
  asText,
  asWhole,
  asWord,
  WireError,
  wireHashes,
  type WireObject,
} from "./wire.ts";

const FAILURE_CODES: readonly GrantFailureCode[] = [
  "channel-lost",
  "parent-silent",
  "parent-refused",
  "piece-refused",
  "disk-refused",
  "source-unavailable",
  "source-refused",
  "source-limited",
  "source-without-range",
];
// A DNS name is at most 253 characters, a label of a zone 63: 255 fits all of these.
const MAX_TEXT = 255;
// A Kubernetes node has some tens of labels.
const MAX_LABELS = 256;

/** Reads a message of a daemon. Throws `WireError` where it breaks the protocol. */
export function readHostMessage(value: unknown): HostMessage {
  const wire = asObject(value, "message");
  const message = {
    holdings: asList(wire["holdings"], "holdings").map(readHolding),
    reports: asList(wire["reports"], "reports").map(readTaskReport),
    dropped: asList(wire["dropped"], "dropped").map((task) => asTask(task, "dropped")),
    denials: readDenials(wire["denials"], "denials"),
    ...readPublicFacts(wire["public_facts"]),
    ...readWarmReports(wire["warmed"]),
    ...readHostStanding(wire["standing"]),
    ping: wire["ping"] === true,
  };
  return wire["hello"] === undefined || wire["hello"] === null ? message : { ...message, hello: readHello(wire["hello"]) };
}

/** A message of a daemon as the protobuf runtime wants it. */
export function writeHostMessage(message: Partial<HostMessage>): WireObject {
  return {
    ...(message.hello === undefined ? {} : { hello: writeHello(message.hello) }),
    holdings: (message.holdings ?? []).map(writeHolding),
    reports: (message.reports ?? []).map(({ task, report }) => ({ task, ...writeReport(report) })),
    dropped: message.dropped ?? [],
    denials: message.denials ?? [],
    public_facts: writePublicFacts(message.publicFacts ?? []),
    warmed: message.warmed ?? [],
    ...(message.standing === undefined ? {} : { standing: writeHostStanding(message.standing) }),
    ping: message.ping ?? false,
  };
}

function readHello(value: unknown): Hello {
  const wire = asObject(value, "hello");
  const host = parseHostId(asText(wire["host"], "hello.host", MAX_TEXT));
  if (host === undefined) throw new WireError("hello.host", "a host id");
  const hello = {
    host,
    address: asText(wire["address"], "hello.address", MAX_TEXT),
    zone: asText(wire["zone"], "hello.zone", MAX_TEXT),
    seed: wire["seed"] === true,
    version: asText(wire["version"], "hello.version", MAX_TEXT),
    name: asText(wire["name"], "hello.name", MAX_TEXT),
    ...readPlatform(wire["platform"] ?? ""),
    ...readLabels(wire["labels"]),
  };
  return wire["join"] === undefined || wire["join"] === null ? hello : { ...hello, join: readJoin(wire["join"]) };
}

function readPlatform(value: unknown): Pick<Hello, "platform"> {
  const platform = asText(value, "hello.platform", MAX_TEXT);
  return platform === "" ? {} : { platform };
}

function readLabels(value: unknown): Pick<Hello, "labels"> {
  const entries = Object.entries(value === undefined || value === null ? {} : asObject(value, "hello.labels"));
  if (entries.length > MAX_LABELS) throw new WireError("hello.labels", `at most ${String(MAX_LABELS)} labels`);
  if (entries.length === 0) return {};
  const read = entries.map(([key, label]) => [asText(key, "hello.labels", MAX_TEXT), asText(label, "hello.labels", MAX_TEXT)] as const);
  return { labels: Object.fromEntries(read) };
}

function writeHello({ join, ...hello }: Hello): WireObject {
  return join === undefined ? hello : { ...hello, join: writeJoin(join) };
}

function readHolding(value: unknown): Holding {
  const wire = asObject(value, "holding");
  const task = asTask(wire["task"], "holding.task");
  const proven = wire["proven"] === true;
  return {
    task,
    proven,
    have: readHave(wire["have"], "holding.have", task, proven),
    registry: asText(wire["registry"], "holding.registry", MAX_TEXT),
  };
}

function readHave(value: unknown, field: string, task: Task, proven: boolean): PieceSet {
  const count = pieceCount(task.size);
  return proven ? PieceSet.full(count) : PieceSet.fromBytes(count, asBytes(value, field));
}

function writeHolding({ task, proven, have, registry }: Holding): WireObject {
  return { task, proven, have: proven ? new Uint8Array(0) : have.toBytes(), registry };
}

function readTaskReport(value: unknown): TaskReport {
  const wire = asObject(value, "report");
  const task = asTask(wire["task"], "report.task");
  return { task, report: readReport(wire, task) };
}

function readReport(wire: WireObject, task: Task): HostReport {
  switch (wire["report"]) {
    case "open":
      return readOpen(asObject(wire["open"], "open"), task);
    case "close":
      return { type: "close" };
    case "need":
      return { type: "need", run: asRun(wire["need"], "need", task) };
    case "verified":
      return readVerified(asObject(wire["verified"], "verified"), task);
    case "grant_failed":
      return readGrantFailed(asObject(wire["grant_failed"], "grant_failed"));
    case "proven":
      return { type: "proven" };
    case "proof_failed":
      return { type: "proof-failed" };
    case "table":
      return { type: "table", hashes: asHashes(wire["table"], "table", task) };
    default:
      throw new WireError("report", "a report this version knows");
  }
}

function readOpen(wire: WireObject, task: Task): HostReport {
  const reading = wire["reading"] === undefined ? [] : asList(wire["reading"], "open.reading");
  return {
    type: "open",
    registry: asText(wire["registry"], "open.registry", MAX_TEXT),
    access: asWord(wire["access"], "open.access", ["caller", "own", "none"]),
    sequential: wire["sequential"] === true,
    priority: asWord(wire["priority"], "open.priority", ["reader", "preheat"]),
    have: readHave(wire["have"], "open.have", task, false),
    ...(reading.length === 0 ? {} : { reading: reading.map((run) => asRun(run, "open.reading", task)) }),
  };
}

function readVerified(wire: WireObject, task: Task): HostReport {
  return {
    type: "verified",
    pieces: asList(wire["pieces"], "verified.pieces").map((run) => asRun(run, "verified.pieces", task)),
    hashes: asHashes(wire["hashes"], "verified.hashes", task),
  };
}

function readGrantFailed(wire: WireObject): HostReport {
  return {
    type: "grant-failed",
    grant: asWhole(wire["grant"], "grant_failed.grant"),
    code: asWord(wire["code"], "grant_failed.code", FAILURE_CODES),
    piece: asWhole(wire["piece"], "grant_failed.piece"),
    retryAfterMs: asWhole(wire["retry_after_ms"], "grant_failed.retry_after_ms"),
  };
}

function writeReport(report: HostReport): WireObject {
  switch (report.type) {
    case "open":
      return { open: { ...report, have: report.have.toBytes() } };
    case "close":
      return { close: {} };
    case "need":
      return { need: report.run };
    case "verified":
      return { verified: { pieces: report.pieces, hashes: wireHashes(report.hashes) } };
    case "grant-failed":
      return {
        grant_failed: { grant: report.grant, code: report.code, piece: report.piece, retry_after_ms: Math.round(report.retryAfterMs) },
      };
    case "proven":
      return { proven: {} };
    case "proof-failed":
      return { proof_failed: {} };
    case "table":
      return { table: wireHashes(report.hashes) };
  }
}
