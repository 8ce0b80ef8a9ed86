import { createPrivateKey } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import { noise } from "@chainsafe/libp2p-noise";
import { hostIdOf } from "@darner/domain";
import { Deadline, formatAddress, parseListen } from "@darner/runtime";
import { privateKeyFromRaw } from "@libp2p/crypto/keys";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr, type Multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import type { Identity } from "../identity/identity.ts";
import { P2pError, type P2pConfig, type P2pDeps, type P2pLimits, type P2pNode, type P2pTarget } from "./p2p.ts";
import type { MemberGate } from "../membership/member-gate.ts";
import { hearMember, MEMBER_PROTOCOL, showMember } from "./member-stream.ts";
import { encodeStatus, readStatus, StatusMessageError } from "./status-message.ts";

const STATUS_PROTOCOL = "/darner/status/1";

const LIMITS: P2pLimits = {
  // Small, rare messages: this many are kept open without anybody being pruned in the clusters Darner is measured for.
  maxConnections: 300,
  // libp2p's own 5 is for the open internet: behind one address of a NAT, or on one machine of tests, a whole cluster may come back at once.
  connectionsPerSecond: 256,
};
// As many may be in the middle of a handshake (15 ms of a core each) as come in a burst; libp2p's own 10 turns a restarted cluster away.
const MAX_HALF_OPEN = 64;
// Somebody that asks this node for its status more than so often at once asks for no answer.
const MAX_STATUS_STREAMS = 4;
// A slow answer is useless after that, to the asker and to the stream it holds.
const ANSWER_MS = 10_000;

type Stream = Awaited<ReturnType<Libp2p["dialProtocol"]>>;
type Connection = Awaited<ReturnType<Libp2p["dial"]>>;

/** Starts libp2p with this host's own key: TCP, Noise, Yamux. Loaded by `openP2pNode` only. */
export async function startLibp2pNode(config: P2pConfig, deps: P2pDeps): Promise<P2pNode> {
  const at = parseListen(config.listen);
  if (at === undefined) throw new P2pError({ code: "bad-target", target: config.listen }, `not an address to listen at: ${config.listen}`);
  const limits = { ...LIMITS, ...config.limits };
  const node = await createLibp2p({
    privateKey: libp2pKeyOf(config.identity),
    addresses: { listen: [textOf(at.host, at.port)] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: {
      maxConnections: limits.maxConnections,
      inboundConnectionThreshold: limits.connectionsPerSecond,
      maxIncomingPendingConnections: MAX_HALF_OPEN,
    },
    connectionGater: {
      denyInboundEncryptedConnection: (peer) => deps.gate.denies(hostIdOf(peer.toString())),
      denyOutboundEncryptedConnection: (peer) => deps.gate.denies(hostIdOf(peer.toString())),
    },
  });
  await node.handle(MEMBER_PROTOCOL, (stream, connection) => hearMember(stream, connection, deps), { maxInboundStreams: 1 });
  const answer = (stream: Stream, connection: Connection): Promise<void> => answerStatus(stream, connection, deps);
  await node.handle(STATUS_PROTOCOL, answer, { maxInboundStreams: MAX_STATUS_STREAMS });
  return new Libp2pNode(node, deps.gate);
}

class Libp2pNode implements P2pNode {
  readonly #node: Libp2p;
  readonly #gate: MemberGate;

  constructor(node: Libp2p, gate: MemberGate) {
    this.#node = node;
    this.#gate = gate;
  }

  get address(): string {
    const [first] = this.#node.getMultiaddrs();
    const { host, port } = first === undefined ? { host: "", port: 0 } : addressIn(first);
    return formatAddress({ host, port });
  }

  async askStatus(target: P2pTarget, timeoutMs: number): Promise<Readonly<Record<string, unknown>>> {
    const name = typeof target === "string" ? target : `${target.host} at ${target.address}`;
    const to = multiaddrOf(target, name);
    using deadline = new Deadline(timeoutMs);
    const { signal } = deadline;
    try {
      // A connection of its own: one that stands may be about to be closed by the other end, which has asked something itself.
      const connection = await this.#node.dial(to, { signal, force: true });
      try {
        await showMember(connection, this.#gate, signal);
        return await askOver(await connection.newStream(STATUS_PROTOCOL, { signal }), signal);
      } finally {
        await connection.close({ signal }).catch(() => {
          connection.abort(new Error("not closed in time"));
        });
      }
    } catch (cause) {
      throw problemOf(cause, signal, name);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node.stop();
  }
}

async function answerStatus(stream: Stream, { remotePeer }: Connection, { status, log, gate }: P2pDeps): Promise<void> {
  if (!gate.admits(hostIdOf(remotePeer.toString()))) {
    log.info("host turned away", { other: remotePeer.toString(), reason: "not-admitted" });
    stream.abort(new Error("members only"));
    return;
  }
  using deadline = new Deadline(ANSWER_MS);
  try {
    stream.send(encodeStatus(await status()));
    await stream.close({ signal: deadline.signal });
  } catch (cause) {
    log.warn("status not sent to another host", { error: cause });
    stream.abort(cause instanceof Error ? cause : new Error(String(cause)));
  }
}

async function askOver(stream: Stream, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  const onAbort = (): void => {
    stream.abort(new Error("no answer in time"));
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await readStatus(portionsOf(stream));
  } finally {
    signal.removeEventListener("abort", onAbort);
    stream.abort(new Error("answered"));
  }
}

async function* portionsOf(stream: Stream): AsyncGenerator<Uint8Array> {
  for await (const portion of stream) yield portion.subarray();
}

function problemOf(cause: unknown, signal: AbortSignal, target: string): P2pError {
  if (cause instanceof StatusMessageError && !signal.aborted) {
    return new P2pError({ code: "bad-answer", target }, `${target} did not answer with its status: ${cause.message}`, { cause });
  }
  if (signal.aborted) return new P2pError({ code: "timed-out", target }, `${target} did not answer in time`, { cause });
  return new P2pError(
    { code: "unreachable", target },
    `${target} cannot be asked: nobody is there, it is another host, or this one is no member`,
    { cause },
  );
}

function multiaddrOf(target: P2pTarget, name: string): Multiaddr {
  try {
    if (typeof target === "string") return multiaddr(target);
    const at = parseListen(target.address);
    if (at !== undefined) return multiaddr(`${textOf(at.host, at.port)}/p2p/${target.host}`);
  } catch (cause) {
    throw badTarget(name, cause);
  }
  throw badTarget(name);
}

function badTarget(target: string, cause?: unknown): P2pError {
  return new P2pError({ code: "bad-target", target }, `${target} is no address of a host`, { cause });
}

function textOf(host: string, port: number): string {
  const kind = isIPv4(host) ? "ip4" : isIPv6(host) ? "ip6" : "dns";
  return `/${kind}/${host}/tcp/${String(port)}`;
}

function addressIn(address: Multiaddr): { readonly host: string; readonly port: number } {
  const [host, port] = address.getComponents();
  return { host: host?.value ?? "", port: Number(port?.value) };
}

/** libp2p writes a private key as its seed and the public key. */
function libp2pKeyOf({ privateKeyPem, publicKey }: Identity): ReturnType<typeof privateKeyFromRaw> {
  const { d = "" } = createPrivateKey(privateKeyPem.reveal()).export({ format: "jwk" });
  return privateKeyFromRaw(Buffer.concat([Buffer.from(d, "base64url"), publicKey]));
}
