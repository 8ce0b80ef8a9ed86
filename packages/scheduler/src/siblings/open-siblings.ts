import { randomUUID } from "node:crypto";
import type { OwnKey } from "@darner/membership";
import type { Jobs } from "@darner/preheat";
import type { Config, Logger, Timers } from "@darner/runtime";
import type { StandingBook } from "@darner/scheduler-core";
import { SiblingClient } from "../grpc/sibling-client.ts";
import { siblingService, type GrpcService } from "../grpc/sibling-server.ts";
import type { ApiTokens } from "../http/api-tokens.ts";
import type { SchedulerMetrics } from "../metrics.ts";
import type { Preheat } from "../preheat/open-preheat.ts";

import { AbsentJobs } from "./absent-jobs.ts";
import { ForwardedJobs } from "./forwarded-jobs.ts";
import type { SiblingFacts } from "./question.ts";
import { SiblingBook } from "./sibling-book.ts";
import { SiblingDesk } from "./sibling-desk.ts";
import { PATIENCE } from "./sibling-link.ts";
import { siblingProof } from "./sibling-proof.ts";

/** What this scheduler has of its own, for the others. */
export type SiblingParts = {
  readonly preheat: Pick<Preheat, "jobs" | "ids" | "ordinal" | "wallNow">;
  readonly standing: Pick<StandingBook<unknown>, "followers" | "counts">;
  /** Undefined where everybody is let in. */
  readonly signingKey: OwnKey | undefined;
  readonly tokens: Pick<ApiTokens, "prove" | "isProven">;
};

/** What it works with. */
export type SiblingDeps = { readonly timers: Timers; readonly metrics: Pick<SchedulerMetrics, "forwarded">; readonly log: Logger };

/** The other schedulers of the cluster. */
export type Siblings = Disposable & {
  /** The jobs of all of them. */
  readonly jobs: Jobs;
  /** What this one answers them. */
  readonly service: GrpcService;
  /** Begins to look who is there. */
  start(): void;
};

/** Puts together how schedulers answer for each other. */
export function openSiblings(config: Config, { preheat, standing, signingKey, tokens }: SiblingParts, deps: SiblingDeps): Siblings {
  const { timers, metrics, log } = deps;
  const { jobs: local, ids, ordinal } = preheat;
  const births = new DisposableStack();
  const instance = randomUUID();
  const facts = (): SiblingFacts => ({ instance, name: config.name, ordinal, followers: standing.followers, next: ids.next });
  const proof = siblingProof(signingKey, tokens);
  const link = births.use(new SiblingClient({ proof, signingKey: signingKey?.publicKey, log }));
  const addresses = (): string[] => [...config.schedulers, ...standing.counts().schedulers.map(({ address }) => address)];
  const onNumbered = (next: number): void => {
    ids.goOnFrom(next);
  };
  const book = births.use(new SiblingBook({ link, addresses, facts, onNumbered, patience: PATIENCE, timers, log }));
  const followers = (): number => standing.followers;
  const absent = new AbsentJobs(preheat.wallNow);
  const jobs = new ForwardedJobs({
    local,
    ordinal,
    followers,
    book,
    link,
    absent,
    patience: PATIENCE,
    timers,
    log,
    forwarded: metrics.forwarded,
  });
  return {
    jobs,
    service: siblingService({ proof, desk: new SiblingDesk(local, facts), timers, log }),
    start: () => {
      book.start();
    },
    [Symbol.dispose]: () => {
      births.dispose();
    },
  };
}
