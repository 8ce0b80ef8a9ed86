import { DarnerError } from "@darner/domain";
import type { Secret } from "@darner/runtime";
import type { Answer, Question } from "./question.ts";

/** How long an answer is waited for, and when the asking is given up. */
export type AskOptions = { readonly timeoutMs?: number; readonly signal?: AbortSignal; readonly authorization?: Secret };

/** For how long answers of other schedulers are waited for, in milliseconds. */
export type Patience = {
  /** For who is there. */
  readonly factsMs: number;
  /** For a new job to be taken; then it is taken here. */
  readonly createMs: number;
  /** For everything else. */
  readonly askMs: number;
};

/** The usual ones: a POST is answered within 2 s whoever takes it; Harbor waits 30 s for an answer, a person not so long. */
export const PATIENCE: Patience = { factsMs: 800, createMs: 1000, askMs: 2000 };

/** How one scheduler asks another. */
export interface SiblingLink {
  /** The answers, one for most questions. Rejects with `SiblingAbsent` where nobody of this cluster answers at the address. */
  ask(address: string, question: Question, options?: AskOptions): AsyncIterable<Answer>;
  /** Whether a credential may go there: over a link that only schedulers of this cluster read, or one that does not leave the machine. */
  mayCarry(address: string): boolean;
}

/** Another scheduler that does not answer. */
export class SiblingAbsent extends DarnerError<{ readonly code: "absent"; readonly address: string }> {
  constructor(address: string, why: string, options?: { readonly cause: unknown }) {
    super({ code: "absent", address }, `the scheduler at ${address} does not answer: ${why}`, options);
  }
}
