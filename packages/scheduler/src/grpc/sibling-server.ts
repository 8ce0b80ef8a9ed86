import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { status, type ServerDuplexStream, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { CHALLENGE_BYTES } from "@darner/membership";
import { loadSiblingService, readSiblingAsk, WireError, writeSiblingAnswer, type SiblingAsk, type WireObject } from "@darner/protocol";
import type { Logger, Timers } from "@darner/runtime";
import { readQuestion } from "../siblings/question.ts";
import type { SiblingDesk } from "../siblings/sibling-desk.ts";
import type { SiblingProof } from "../siblings/sibling-proof.ts";
import { hostOf } from "./reachable-address.ts";

/** What answering other schedulers works with. */
export type SiblingServerDeps = {
  readonly proof: SiblingProof;
  readonly desk: SiblingDesk;
  readonly timers: Timers;
  readonly log: Logger;
};

/** A service of the gRPC side, beside the sessions of daemons. */
export type GrpcService = { readonly definition: ServiceDefinition; readonly implementation: UntypedServiceImplementation };

type AskCall = ServerDuplexStream<unknown, WireObject>;

// A scheduler answers the challenge with its next breath.
const ASK_MS = 2000;
// Fifteen others with some watchers each; who has not proven itself has no more than these places either.
const MAX_CALLS = 1024;

/** The service by which other schedulers of the cluster ask this one; whoever does not prove to be one is told nothing. */
export function siblingService(deps: SiblingServerDeps): GrpcService {
  let calls = 0;
  const Ask = (call: AskCall): void => {
    if (calls >= MAX_CALLS) {
      refuse(call, status.RESOURCE_EXHAUSTED, "too many questions at once");
      return;
    }
    calls += 1;
    void answered(call, deps).finally(() => {
      calls -= 1;
    });
  };
  return { definition: loadSiblingService().definition, implementation: { Ask } };
}

/** Never rejects. */
async function answered(call: AskCall, { proof, desk, timers, log }: SiblingServerDeps): Promise<void> {
  const gone = new AbortController();
  const leave = (): void => {
    gone.abort();
  };
  for (const event of ["cancelled", "error", "close"]) call.on(event, leave);
  const cancelTimer = timers.setTimeout(leave, ASK_MS);
  const challenge = new Uint8Array(randomBytes(CHALLENGE_BYTES));
  try {
    call.write(writeSiblingAnswer({ challenge }));
    const ask = await firstAsk(call, gone.signal);
    cancelTimer();
    if (ask === undefined) refuse(call, status.DEADLINE_EXCEEDED, "nothing was asked");
    else if (await proof.isProven(ask.proof, challenge)) await answer(call, ask, desk, gone.signal);
    else {
      log.warn("a question that no scheduler of this cluster asks is refused", { from: hostOf(call.getPeer()) });
      refuse(call, status.UNAUTHENTICATED, "no scheduler of this cluster asks this");
    }
  } catch (error) {
    const isTheirs = error instanceof WireError;
    if (!isTheirs && !gone.signal.aborted) log.error("question of another scheduler failed", { error });
    if (isTheirs) refuse(call, status.INVALID_ARGUMENT, error.message);
    else refuse(call, status.INTERNAL, "failed: the scheduler's log says why");
  } finally {
    cancelTimer();
  }
}

async function answer(call: AskCall, { question: text, authorization }: SiblingAsk, desk: SiblingDesk, signal: AbortSignal): Promise<void> {
  const read = readQuestion(text);
  const credential = authorization === undefined ? undefined : { authorization };
  const answers = read.ok ? desk.answer(read.question, credential, signal) : [{ type: "not-understood", why: read.why } as const];
  for await (const one of answers) {
    if (signal.aborted) return;
    if (!call.write(writeSiblingAnswer({ answer: JSON.stringify(one) }))) await once(call, "drain", { signal }).catch(() => undefined);
  }
  call.end();
}

async function firstAsk(call: AskCall, signal: AbortSignal): Promise<SiblingAsk | undefined> {
  const [value] = (await once(call, "data", { signal }).catch(() => [])) as unknown[];
  return value === undefined ? undefined : readSiblingAsk(value);
}

function refuse(call: AskCall, code: status, details: string): void {
  call.emit("error", { code, details });
}
