import { generateKeyPairSync, sign } from "node:crypto";
import { hostIdOfKey } from "@darner/membership";
import { HandOverProbe, OpeningProbe, type Answered } from "./probes.ts";
import { Pullers } from "./puller.ts";
import { ScriptedSession, type ScriptedHost, type Ticket } from "./scripted-session.ts";

/** What one client process does; the first argument, as JSON. */
export type LoadPlan = {
  readonly address: string;
  readonly sessions: number;
  readonly reportsPerSecond: number;
  readonly seconds: number;
  /** So many pieces in one message, at most. */
  readonly piecesAReport: number;
  /** Absent: the scheduler lets everybody in, plain. */
  readonly ticket?: { readonly signingKey: string; readonly tokenId: string; readonly tokenSecret: string };
};

/** What it measured; its last message to its parent. Latencies in milliseconds. */
export type LoadResult = {
  /** Pieces reported, and the messages that said so. */
  readonly reports: number;
  readonly messages: number;
  readonly received: number;
  readonly orders: number;
  /** From an opening to the grant for the same session. */
  readonly openings: readonly Answered[];
  /** From an announcement to the grant for another session. */
  readonly handOvers: readonly Answered[];
  readonly unanswered: number;
  /** Why sessions ended before their time. */
  readonly ended: readonly string[];
};

// Hosts report when their pieces come, each by itself: so often is looked who is due, and never are more than these few said at once.
const TICK_MS = 1;
const PROBE_MS = 25;
// A daemon shows a sign of life every 2 s (`SESSION_CHANNEL_OPTIONS`).
const PING_MS = 2000;
// Fewer than the 30 wrong tries that an address has: until it is let in each counts as one (members/join-limit.ts).
const JOIN_AT_ONCE = 16;
// What was asked for at the end may still be answered.
const GRACE_MS = 500;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function drawHost(): ScriptedHost {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  return { host: hostIdOfKey(raw), key: { sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)) } };
}

async function openSessions(count: number, { address, ticket }: LoadPlan): Promise<ScriptedSession[]> {
  const shown: Ticket | undefined = ticket === undefined ? undefined : { ...ticket, signingKey: Buffer.from(ticket.signingKey, "base64") };
  const sessions: ScriptedSession[] = [];
  while (sessions.length < count) {
    const few = Array.from({ length: Math.min(JOIN_AT_ONCE, count - sessions.length) }, async () => {
      const session = await ScriptedSession.open(address, drawHost(), shown);
      await session.welcome;
      return session;
    });
    sessions.push(...(await Promise.all(few)));
  }
  return sessions;
}

async function pull(plan: LoadPlan): Promise<LoadResult> {
  const [opener, waiter, holder, ...rest] = await openSessions(plan.sessions + 3, plan);
  if (opener === undefined || waiter === undefined || holder === undefined) throw new Error("no sessions");
  const sessions = [opener, waiter, holder, ...rest];
  const pullers = new Pullers(rest).all;
  const [openings, handOvers] = [new OpeningProbe(opener), new HandOverProbe(waiter, holder)];
  process.send?.("ready");
  // Its sessions show signs of life while others get ready, too.
  const go = new AbortController();
  process.once("message", () => {
    go.abort();
  });
  let pinged = 0;
  const began = performance.now();
  const ping = (): void => {
    const now = performance.now();
    for (const due = ((now - began) * sessions.length) / PING_MS; pinged < due; pinged += 1) sessions[pinged % sessions.length]?.ping(now);
  };
  while (!go.signal.aborted) {
    ping();
    await sleep(TICK_MS);
  }
  for (const puller of pullers) puller.open();
  const start = performance.now();
  let [reports, messages, turn, probed] = [0, 0, 0, 0];
  for (let ms = 0; ms < plan.seconds * 1000; ms = performance.now() - start) {
    // What is late is not made up for in one burst of more than a tenth of a second.
    const due = Math.min(Math.floor((ms * plan.reportsPerSecond) / 1000) - reports, plan.reportsPerSecond / 10);
    const most = reports + due;
    for (let tried = 0; reports + plan.piecesAReport <= most && tried < pullers.length * 2; tried += 1) {
      const told = pullers[turn++ % pullers.length]?.report(plan.piecesAReport) ?? 0;
      reports += told;
      messages += told > 0 ? 1 : 0;
    }
    for (; probed * PROBE_MS < ms; probed += 1) for (const probe of [openings, handOvers]) probe.ask();
    ping();
    await sleep(TICK_MS);
  }
  await sleep(GRACE_MS);
  const sum = (of: (session: ScriptedSession) => number): number => sessions.reduce((total, session) => total + of(session), 0);
  const sinceStart = (all: readonly Answered[]): Answered[] => all.map(({ atMs, ms }) => ({ atMs: atMs - start, ms }));
  const result = {
    reports,
    messages,
    received: sum(({ messages }) => messages),
    orders: sum(({ orders }) => orders),
    openings: sinceStart(openings.answered),
    handOvers: sinceStart(handOvers.answered),
    unanswered: openings.unanswered + handOvers.unanswered,
    ended: sessions.flatMap(({ ended }) => ended ?? []),
  };
  for (const session of sessions) session[Symbol.dispose]();
  return result;
}

const result = await pull(JSON.parse(process.argv[2] ?? "") as LoadPlan);
process.send?.(result);
// Its parent reads what time it used before it lets it go.
await new Promise((resolve) => process.once("disconnect", resolve));
