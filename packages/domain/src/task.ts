import { parseDigest, type Digest } from "./digest.ts";

/** Getting one blob into the swarm: one blob, or one manifest by digest. Contradicting sizes are two tasks. */
export type Task = { readonly digest: Digest; readonly size: number };

/** A task as a key: `digest/size`. */
export type TaskId = string & { readonly __taskId: true };

/** The key of a task. */
export function taskId({ digest, size }: Task): TaskId {
  return `${digest}/${String(size)}` as TaskId;
}

// 16 TiB: above every blob a registry takes; it bounds a piece table to 8 MiB, whatever size a stranger claims.
const MAX_SIZE = 16 * 1024 ** 4;

/** Reads a task from outside: undefined where the digest is none, cannot be verified here, or the size is no byte count. */
export function parseTask(digest: string, size: number): Task | undefined {
  const parsed = parseDigest(digest);
  if (!parsed.ok || !parsed.known || !Number.isInteger(size) || size < 0 || size > MAX_SIZE) return undefined;
  return { digest: parsed.digest, size };
}

/** Whether a host may read a blob from the source, and with whose credential (never which). */
export type SourceAccess = "caller" | "own" | "none";

/** What waits for a task on a host; a waiting reader comes before a preheat. */
export type Priority = "reader" | "preheat";
