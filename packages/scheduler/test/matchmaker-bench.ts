import type { Hello } from "@darner/protocol";
import { createRegistry, systemClock, type Timers } from "@darner/runtime";
import { DEFAULT_LIMITS, Scheduler } from "@darner/scheduler-core";
import { capturedLog, type CapturedLog } from "@darner/testkit";
import { openSessionServer } from "../src/grpc/session-server.ts";
import type { SessionListener } from "../src/grpc/session.ts";
import type { SessionGate } from "../src/grpc/session-gate.ts";
import { Matchmaker } from "../src/matchmaker.ts";
import { openDoor } from "../src/members/door.ts";
import { PublicFacts } from "../src/public-facts.ts";
import { createSchedulerMetrics } from "../src/metrics.ts";
import { eventually } from "./eventually.ts";
import { helloOf, ScriptedDaemon } from "./grpc/scripted-daemon.ts";

/** What a bench is to be like. */
export type BenchPlan = {
  readonly maxHosts?: number;
  readonly gate?: SessionGate;
  readonly timers?: Timers;
  /** Stands before the matchmaker. */ readonly before?: (next: SessionListener, core: Scheduler) => SessionListener;
};

/** A real gRPC server, matchmaker and core, with daemons that say what a test wants. */
export type Bench = AsyncDisposable & {
  readonly core: Scheduler;
  readonly log: CapturedLog;
  readonly address: string;
  /** A daemon whose session began; not greeted yet. */
  readonly connect: () => ScriptedDaemon;
  /** A daemon that said hello and got an answer. */
  readonly join: (letter: string, about?: Partial<Hello>) => Promise<ScriptedDaemon>;
  readonly metrics: () => Promise<string>;
};

export async function openBench({
  maxHosts = 10,
  gate,
  timers = systemClock,
  before = (next): SessionListener => next,
}: BenchPlan = {}): Promise<Bench> {
  await using births = new AsyncDisposableStack();
  const core = new Scheduler(DEFAULT_LIMITS, () => 0.5);
  const registry = createRegistry();
  const [metrics, log] = [createSchedulerMetrics(registry), capturedLog()];
  const publicFacts = new PublicFacts({ publicSeconds: 900, graceSeconds: 3600 }, timers);
  const matchmaker = births.use(new Matchmaker({ core, timers, log, metrics, maxHosts, name: "s", version: "0", publicFacts }));
  const server = births.use(
    await openSessionServer({ listen: "127.0.0.1:0" }, { listener: before(matchmaker, core), door: openDoor, timers }, gate),
  );
  const lives = births.move();
  const connect = (): ScriptedDaemon => lives.use(new ScriptedDaemon(server.address));
  const join = async (letter: string, about: Partial<Hello> = {}): Promise<ScriptedDaemon> => {
    const daemon = connect();
    daemon.say({ hello: { ...helloOf(letter), ...about } });
    await eventually(() => daemon.isWelcome || daemon.ended !== undefined, "it is greeted or turned away");
    return daemon;
  };
  const dispose = (): Promise<void> => lives.disposeAsync();
  return { core, log, address: server.address, connect, join, metrics: () => registry.metrics(), [Symbol.asyncDispose]: dispose };
}
