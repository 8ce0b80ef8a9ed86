import assert from "node:assert/strict";
import { hostIdOf, parseTask, PieceSet, type Task } from "@darner/domain";
import { Secret } from "@darner/runtime";
import { utf8 } from "@darner/testkit";
import type { FuzzDice, FuzzTarget } from "@darner/testkit";
import { readHostMessage, writeHostMessage } from "../src/host-message.ts";
import type { HostMessage, SchedulerMessage } from "../src/messages.ts";
import { readSchedulerMessage, writeSchedulerMessage } from "../src/scheduler-message.ts";
import { loadSchedulerService } from "../src/scheduler-service.ts";
import { WireError, type WireObject } from "../src/wire.ts";

const TASK = parseTask(`sha256:${"d".repeat(64)}`, 600_000) as Task;
const HOST = hostIdOf(`12D3KooW${"A".repeat(44)}`);
const RUN = { first: 0, stride: 1, count: 2 };
const HASHES = [{ piece: 0, hash: new Uint8Array(32) }];
const session = loadSchedulerService().definition["Session"];
if (session === undefined) throw new Error("the service has no session");

const SIGNED = new Uint8Array(100);
const FACT = { repository: { registry: "quay.io", name: "a/b" }, ageMs: 5, isPublic: true };
const JOIN = { proof: SIGNED, admission: SIGNED, listHeads: [SIGNED], denialsDigest: new Uint8Array(32) };

const HOST_MESSAGES: readonly Partial<HostMessage>[] = [
  { hello: { host: HOST, address: "10.0.0.1:4102", zone: "a/b", seed: true, version: "0.1.0", name: "n" }, ping: true },
  { holdings: [{ task: TASK, proven: false, have: PieceSet.full(3), registry: "quay.io" }], dropped: [TASK] },
  {
    reports: [
      {
        task: TASK,
        report: { type: "open", registry: "quay.io", access: "caller", sequential: true, priority: "reader", have: new PieceSet(3) },
      },
    ],
  },
  {
    reports: [
      { task: TASK, report: { type: "verified", pieces: [RUN], hashes: HASHES } },
      { task: TASK, report: { type: "need", run: RUN } },
    ],
  },
  { hello: { host: HOST, address: "10.0.0.1:4102", zone: "", seed: false, version: "0.1.0", name: "n", join: JOIN } },
  { denials: [SIGNED, new Uint8Array()], publicFacts: [FACT] },
  { reports: [{ task: TASK, report: { type: "grant-failed", grant: 1, code: "channel-lost", piece: 2, retryAfterMs: 3 } }] },
  {
    reports: [
      { task: TASK, report: { type: "table", hashes: HASHES } },
      { task: TASK, report: { type: "proven" } },
    ],
  },
  {
    warmed: [
      { digest: TASK.digest, state: "held" },
      { digest: TASK.digest, state: "progress", bytes: 5 },
      { digest: TASK.digest, state: "failed", reason: "no room", final: true },
    ],
  },
  { standing: { schedulers: [{ address: "s:4110", answers: true, losses: 1 }], active: "s:4110", isHere: true, isMoving: false } },
];
const SCHEDULER_MESSAGES: readonly Partial<SchedulerMessage>[] = [
  { welcome: { scheduler: "s", version: "0.1.0" }, ping: true },
  { membership: { list: { head: SIGNED, full: true, added: [HOST], removed: [HOST] }, denials: [SIGNED] }, publicFacts: [FACT] },
  { welcome: { scheduler: "s", version: "0.1.0", membership: { admission: SIGNED, denialsDigest: new Uint8Array(32) } } },
  { orders: [{ task: TASK, order: { type: "grant-pieces", grant: 1, parent: HOST, address: "10.0.0.1:4102", run: RUN } }] },
  {
    orders: [
      { task: TASK, order: { type: "grant-stripe", grant: 1, run: RUN, connections: 1 } },
      { task: TASK, order: { type: "revoke-grant", grant: 2 } },
    ],
  },
  {
    orders: [
      { task: TASK, order: { type: "table", hashes: HASHES } },
      { task: TASK, order: { type: "ask-table" } },
    ],
  },
  {
    orders: [
      { task: TASK, order: { type: "standing", standing: "limited", retryAfterMs: 5 } },
      { task: TASK, order: { type: "restart" } },
    ],
  },
  { orders: [{ task: TASK, order: { type: "fault", fault: "wrong-pieces", registry: "quay.io", blocked: true } }] },
  {
    warm: [
      {
        job: 16,
        priority: 1,
        pinMs: 5,
        authorization: new Secret("Bearer x"),
        mayRead: true,
        contents: [{ task: TASK, kind: "manifest", mediaType: "a/b", repository: FACT.repository, bytes: SIGNED }],
      },
      { job: 17, priority: 0, pinMs: 0, mayRead: false, contents: [] },
    ],
    released: [3],
  },
  { standing: { hosts: 2, schedulers: [{ address: "s:4110", reached: 2, active: 1, losses: 0 }] } },
];

/** How a message is read: bytes of protobuf, decoded by the runtime (first byte 0), or an object of any shape, written as JSON. */
type Reading = {
  readonly decode: (bytes: Buffer) => unknown;
  readonly encode: (wire: WireObject) => Buffer;
  /** Reads the object and writes what was understood again. */
  readonly again: (value: unknown) => WireObject;
};

const OF_HOST: Reading = {
  decode: session.requestDeserialize,
  encode: session.requestSerialize,
  again: (value) => writeHostMessage(readHostMessage(value)),
};
const OF_SCHEDULER: Reading = {
  decode: session.responseDeserialize,
  encode: session.responseSerialize,
  again: (value) => writeSchedulerMessage(readSchedulerMessage(value)),
};

function check(input: Uint8Array, reading: Reading): string {
  const value = decoded(input, reading);
  if (value === undefined) return "nothing decoded";
  let understood: WireObject;
  try {
    understood = reading.again(value);
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return `refused ${error.detail.field}`;
  }
  // Over the wire once more it is understood, and is the same.
  const bytes = reading.encode(understood);
  assert.deepEqual(reading.encode(reading.again(reading.decode(bytes))), bytes);
  const { reports, orders } = understood as { reports?: readonly WireObject[]; orders?: readonly WireObject[] };
  const kinds = [...(reports ?? []), ...(orders ?? [])].flatMap((item) => Object.keys(item).filter((key) => key !== "task"));
  return `understood ${[...new Set(kinds)].toSorted().slice(0, 2).join(" ")}`;
}

function decoded(input: Uint8Array, { decode }: Reading): unknown {
  try {
    if (input[0] === 0) return decode(Buffer.from(input.subarray(1)));
    // Bytes stand as {"$b": base64}, what JSON has no word for as {"$n": "NaN"}.
    return JSON.parse(utf8(input), (_key, value: unknown) => {
      const { $b, $n } = (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
      if (typeof $b === "string") return new Uint8Array(Buffer.from($b, "base64"));
      return $n === undefined ? value : Number($n);
    });
  } catch {
    return undefined;
  }
}

function asJson(wire: WireObject): string {
  const plain = (value: unknown): unknown => (value instanceof Uint8Array ? { $b: Buffer.from(value).toString("base64") } : value);
  return JSON.stringify(wire, (_key, value: unknown) => (value instanceof Uint8Array ? plain(value) : value));
}

function targetOf(name: string, reading: Reading, wires: readonly WireObject[]): FuzzTarget {
  const objects = wires.map((wire) => asJson(reading.decode(reading.encode(wire)) as WireObject));
  const bytes = wires.map((wire) => Buffer.concat([Buffer.of(0), reading.encode(wire)]));
  return {
    name,
    seeds: [...objects, ...bytes],
    words: [
      "null",
      "[]",
      "{}",
      '""',
      "-1",
      "1e999",
      '{"$n":"NaN"}',
      '{"$b":"AAAA"}',
      '"size":',
      '"stride":0',
      "4294967295",
      '"__proto__":',
      TASK.digest,
    ],
    make: (dice: FuzzDice) => (dice.once(2) ? dice.pick(objects) : dice.pick(bytes)),
    check: (input) => check(input, reading),
  };
}

/**
 * Messages of a daemon, as a scheduler reads them.
 * @public the runner finds it by the name of its file
 */
export const hostMessage: FuzzTarget = targetOf("host-message", OF_HOST, HOST_MESSAGES.map(writeFully));
/**
 * Messages of a scheduler, as a daemon reads them.
 * @public the runner finds it by the name of its file
 */
export const schedulerMessage: FuzzTarget = targetOf("scheduler-message", OF_SCHEDULER, SCHEDULER_MESSAGES.map(writeSchedulerMessage));

function writeFully(message: Partial<HostMessage>): WireObject {
  return writeHostMessage({ holdings: [], reports: [], dropped: [], ping: false, ...message });
}
