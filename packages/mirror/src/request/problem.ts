import type { OciCode } from "../mirror-backend.ts";

/** Why a request is refused before the backend hears of it: what the client is told. */
export type Problem = { readonly status: number; readonly code: OciCode; readonly message: string };

/** The outcome of reading a part of a request: the parsers are total and never throw. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

/** A part that was read. */
export function read<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

/** A part that cannot be accepted. */
export function refuse(status: number, code: OciCode, message: string): { readonly ok: false; readonly problem: Problem } {
  return { ok: false, problem: { status, code, message } };
}
