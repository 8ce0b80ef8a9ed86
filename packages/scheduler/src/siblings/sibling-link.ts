import { DarnerError } from "@darner/domain";
import type { Secret } from "@darner/runtime";
import type { Answer, Question } from "./question.ts";

/** How long an answer is waited for, and when the asking is given up. */
export type AskOptions = { readonly timeoutMs?: number; readonly signal?: AbortSignal; readonly authorization?: Secret };

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
