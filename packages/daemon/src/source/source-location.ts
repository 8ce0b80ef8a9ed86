import type { Repository, SourceAccess } from "@darner/domain";
import type { Authority } from "@darner/registry-client";

/** Where this host may read a blob when no peer has it, and in whose name. */
export type SourceLocation = {
  readonly repository: Repository;
  readonly kind: "manifest" | "blob";
  readonly authority: Authority;
};

/** What the scheduler is told of it: with whose credential, never which. */
export function accessOf(source: SourceLocation | undefined): SourceAccess {
  if (source === undefined) return "none";
  return source.authority.kind === "caller" ? "caller" : "own";
}
