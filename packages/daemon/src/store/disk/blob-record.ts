import type { BlobFacts } from "../store.ts";

/** What is written down of one blob. */
export type BlobRecord = {
  readonly complete: boolean;
  /** Part of the file's name while it comes in: a record never speaks of an earlier file for the same task. */
  readonly incarnation: string;
  /** The boot of the kernel under which the pieces were written; under another one they are hashed again. */
  readonly boot: string;
  readonly lastUseMs: number;
  readonly facts: BlobFacts;
};

// It becomes part of a file name.
const INCARNATION = /^[0-9a-f]{1,32}$/;

/** Reads a record; undefined where the bytes are none, so that a damaged one counts as absent. */
export function readRecord(bytes: Uint8Array): BlobRecord | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!isObject(value)) return undefined;
    const { complete, incarnation, boot, lastUseMs, facts } = value;
    if (typeof complete !== "boolean" || typeof incarnation !== "string" || !INCARNATION.test(incarnation)) return undefined;
    if (typeof boot !== "string" || typeof lastUseMs !== "number") return undefined;
    return { complete, incarnation, boot, lastUseMs, facts: readFacts(facts) };
  } catch {
    return undefined;
  }
}

function readFacts(value: unknown): BlobFacts {
  if (!isObject(value)) return {};
  const { mediaType, registry, pinnedUntilMs } = value;
  return {
    ...(typeof mediaType === "string" ? { mediaType } : {}),
    ...(typeof registry === "string" ? { registry } : {}),
    ...(typeof pinnedUntilMs === "number" ? { pinnedUntilMs } : {}),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
