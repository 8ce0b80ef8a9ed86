import { createHash } from "node:crypto";
import { z } from "zod";

/** What was done to one path, kept until it is undone. */
export type Entry =
  /** A file was written: what was there before (base64; null: nothing) with its mode, and the sha256 of what is there now. */
  | { readonly kind: "file"; readonly path: string; readonly original: string | null; readonly mode: number; readonly wrote: string }
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

const path = z.string().startsWith("/");
const entry = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("file"),
    path,
    original: z.base64().nullable(),
    mode: z.number().int().min(0).max(0o7777),
    wrote: z.string(),
  }),
  z.strictObject({ kind: z.literal("directory"), path }),
  z.strictObject({ kind: z.literal("link"), path, target: z.string() }),
]);
const ledger = z.strictObject({ version: z.literal(1), entries: z.array(entry) });

/** Reads a ledger; undefined where it is none. */
export function readLedger(text: string): readonly Entry[] | undefined {
  try {
    return ledger.parse(JSON.parse(text)).entries;
  } catch {
    return undefined;
  }
}

/** Writes a ledger as a text. */
export function writeLedger(entries: readonly Entry[]): string {
  return `${JSON.stringify({ version: 1, entries }, undefined, 2)}\n`;
}

/** The fingerprint by which a file is known to be as it was left. */
export function fingerprint(bytes: string | Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
