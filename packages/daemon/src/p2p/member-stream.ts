import { hostIdOf } from "@darner/domain";
import { MAX_MEMBER_WORD_BYTES } from "@darner/protocol";
import { Deadline } from "@darner/runtime";
import type { Libp2p } from "libp2p";
import type { MemberGate, MemberStep } from "../membership/member-gate.ts";
import type { P2pDeps } from "./p2p.ts";

/** The stream on which the two ends of a connection show each other that they are members. */
export const MEMBER_PROTOCOL = "/darner/member/1";

type Connection = Awaited<ReturnType<Libp2p["dial"]>>;
type Stream = Awaited<ReturnType<Libp2p["dialProtocol"]>>;

// Two words there and two back take milliseconds; who needs longer holds a stream for nothing.
const SHOW_MS = 5_000;
const PREFIX_BYTES = 2;

/** This end dialled: it shows that it is a member, and rejects where the other end does not. */
export async function showMember(connection: Connection, gate: MemberGate, signal: AbortSignal): Promise<void> {
  const handshake = gate.handshake("child", hostIdOf(connection.remotePeer.toString()));
  if (handshake === undefined) return;
  const stream = await connection.newStream(MEMBER_PROTOCOL, { signal });
  using _end = endWith(stream, signal);
  say(stream, handshake.begin());
  let step: MemberStep = { type: "more" };
  // Also a parent that is known to be a member is waited for: only when it answers does it count this end as one.
  for await (const word of wordsOf(stream)) {
    step = handshake.hear(word);
    say(stream, step);
    if (step.type !== "more") break;
  }
  if (step.type !== "admitted") throw new Error("the other end is no member, or does not count this host as one");
}

/** The other end dialled: it shows that it is a member, and this end answers in kind; else its connection is ended. */
export async function hearMember(stream: Stream, connection: Connection, { gate, log }: P2pDeps): Promise<void> {
  const other = hostIdOf(connection.remotePeer.toString());
  const handshake = gate.handshake("parent", other);
  using deadline = new Deadline(SHOW_MS);
  using _end = endWith(stream, deadline.signal);
  let step: MemberStep = handshake?.begin() ?? { type: "failed" };
  try {
    for await (const word of wordsOf(stream)) {
      step = gate.denies(other) ? { type: "failed" } : (handshake?.hear(word) ?? step);
      say(stream, step);
      if (step.type !== "more") break;
    }
    if (step.type === "admitted") await stream.close({ signal: deadline.signal });
  } catch (error) {
    log.debug("host did not show that it is a member", { other, error });
  }
  if (step.type === "admitted") return;
  log.info("host turned away", { other, reason: "not-admitted" });
  connection.abort(new Error("members only"));
}

function endWith(stream: Stream, signal: AbortSignal): Disposable {
  const onAbort = (): void => {
    stream.abort(new Error("not shown in time"));
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return {
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", onAbort);
    },
  };
}

function say(stream: Stream, step: MemberStep): void {
  if (step.type === "failed" || step.send === undefined) return;
  const bytes = new Uint8Array(PREFIX_BYTES + step.send.length);
  new DataView(bytes.buffer).setUint16(0, step.send.length);
  bytes.set(step.send, PREFIX_BYTES);
  stream.send(bytes);
}

/** The words that come: each is its length in two bytes, and that many bytes. */
async function* wordsOf(stream: Stream): AsyncGenerator<Uint8Array> {
  let held: Uint8Array = new Uint8Array();
  for await (const portion of stream) {
    held = Buffer.concat([held, portion.subarray()]);
    while (held.length >= PREFIX_BYTES) {
      const length = new DataView(held.buffer, held.byteOffset).getUint16(0);
      if (length > MAX_MEMBER_WORD_BYTES) throw new Error(`a word of ${String(length)} bytes`);
      if (held.length < PREFIX_BYTES + length) break;
      yield new Uint8Array(held.subarray(PREFIX_BYTES, PREFIX_BYTES + length));
      held = held.subarray(PREFIX_BYTES + length);
    }
  }
}
