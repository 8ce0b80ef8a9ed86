import { credentials, type ChannelCredentials, type ServiceError } from "@grpc/grpc-js";
import { isKeyOfCertificate } from "@darner/membership";
import {
  loadSiblingService,
  PinnedCredentials,
  readSiblingAnswer,
  SESSION_CHANNEL_OPTIONS,
  writeSiblingAsk,
  type SiblingStream,
  type SiblingStub,
} from "@darner/protocol";
import { isLoopback, type Logger } from "@darner/runtime";
import { readAnswer, type Answer, type Question } from "../siblings/question.ts";
import { SiblingAbsent, type AskOptions, type SiblingLink } from "../siblings/sibling-link.ts";
import type { SiblingProof } from "../siblings/sibling-proof.ts";
import { hostOf } from "./reachable-address.ts";

/** What asking other schedulers works with. */
export type SiblingClientDeps = {
  readonly proof: SiblingProof;
  /** The cluster's public key, which whoever is asked has to prove; undefined: plain (join.insecure). */
  readonly signingKey: Uint8Array | undefined;
  readonly log: Logger;
};

// Schedulers are in the cluster: a proxy for the world outside has no part in it.
const CHANNEL_OPTIONS = { ...SESSION_CHANNEL_OPTIONS, "grpc.enable_http_proxy": 0 };

/** Asks other schedulers over gRPC: one connection for each address, one stream for each question. */
export class SiblingClient implements SiblingLink, Disposable {
  readonly #deps: SiblingClientDeps;
  readonly #Stub = loadSiblingService().Stub;
  // One entry an address; the book bounds them.
  readonly #stubs = new Map<string, SiblingStub>();
  #isClosed = false;

  constructor(deps: SiblingClientDeps) {
    this.#deps = deps;
  }

  mayCarry(address: string): boolean {
    return this.#deps.signingKey !== undefined || isLoopback(hostOf(address));
  }

  async *ask(address: string, question: Question, { timeoutMs, signal, authorization }: AskOptions = {}): AsyncIterable<Answer> {
    const stream = this.#open(address, timeoutMs);
    const leave = (): void => {
      stream.cancel();
    };
    // What goes wrong is thrown below; a stream that was left has an error that nobody waits for.
    stream.on("error", () => undefined);
    signal?.addEventListener("abort", leave, { once: true });
    if (signal?.aborted === true) leave();
    try {
      for await (const value of stream) {
        const message = readSiblingAnswer(value);
        if ("challenge" in message) {
          const proof = await this.#deps.proof.prove(message.challenge);
          stream.write(writeSiblingAsk({ proof, question: JSON.stringify(question), ...(authorization && { authorization }) }));
          stream.end();
          continue;
        }
        const answer = readAnswer(message.answer);
        if (answer === undefined) throw new Error("it answers what is no answer");
        yield answer;
      }
    } catch (cause) {
      throw new SiblingAbsent(address, detailsOf(cause), { cause });
    } finally {
      signal?.removeEventListener("abort", leave);
      stream.cancel();
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const stub of this.#stubs.values()) stub.close();
    this.#stubs.clear();
  }

  #open(address: string, timeoutMs: number | undefined): SiblingStream {
    if (this.#isClosed) throw new SiblingAbsent(address, "this scheduler ends");
    try {
      const stub =
        this.#stubs.get(address) ?? (new this.#Stub(address, this.#credentials(address), CHANNEL_OPTIONS) as unknown as SiblingStub);
      this.#stubs.set(address, stub);
      return stub.Ask(timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs });
    } catch (cause) {
      throw new SiblingAbsent(address, detailsOf(cause), { cause });
    }
  }

  #credentials(address: string): ChannelCredentials {
    const { signingKey, log } = this.#deps;
    if (signingKey === undefined) return credentials.createInsecure();
    return new PinnedCredentials(isKeyOfCertificate.bind(undefined, signingKey), () => {
      log.error("what listens at a scheduler's address has another signing key: nothing is forwarded there", { address });
    });
  }
}

function detailsOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const { details } = cause as Partial<ServiceError>;
  return details === undefined || details === "" ? cause.message : details;
}
