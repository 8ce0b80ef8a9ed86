import { Secret } from "@darner/runtime";
import { asBytes, asObject, asText, type WireObject } from "./wire.ts";

/** What one scheduler asks another. */
export type SiblingAsk = {
  /** Shows that a scheduler of this cluster asks. */
  readonly proof: Uint8Array;
  /** JSON. */
  readonly question: string;
  /** The credential that came with a job. */
  readonly authorization?: Secret;
};

/** What a scheduler answers: first a challenge, then JSON. */
export type SiblingAnswer = { readonly challenge: Uint8Array } | { readonly answer: string };

// A job names at most a thousand images and ten thousand hosts; the API takes 1 MiB.
const MAX_QUESTION = 2 * 1024 * 1024;
// A job over ten thousand hosts is some megabytes; a message holds 16 MiB.
const MAX_ANSWER = 16 * 1024 * 1024;
// As long as the API takes one.
const MAX_AUTHORIZATION = 32 * 1024;

/** Reads what a scheduler is asked. Throws `WireError`. */
export function readSiblingAsk(value: unknown): SiblingAsk {
  const wire = asObject(value, "ask");
  const authorization = asText(wire["authorization"], "authorization", MAX_AUTHORIZATION);
  return {
    proof: asBytes(wire["proof"], "proof"),
    question: asText(wire["question"], "question", MAX_QUESTION),
    ...(authorization === "" ? {} : { authorization: new Secret(authorization) }),
  };
}

/** What a scheduler asks, as the protobuf runtime wants it. */
export function writeSiblingAsk({ proof, question, authorization }: SiblingAsk): WireObject {
  return { proof, question, authorization: authorization?.reveal() ?? "" };
}

/** Reads what a scheduler answers. Throws `WireError`. */
export function readSiblingAnswer(value: unknown): SiblingAnswer {
  const wire = asObject(value, "answer");
  const challenge = asBytes(wire["challenge"], "challenge");
  return challenge.length > 0 ? { challenge } : { answer: asText(wire["answer"], "answer", MAX_ANSWER) };
}

/** What a scheduler answers, as the protobuf runtime wants it. */
export function writeSiblingAnswer(answer: SiblingAnswer): WireObject {
  return { ...answer };
}
