import type { PieceHash } from "./piece-table.ts";
import type { PieceRun } from "./piece.ts";
import type { PieceSet } from "./piece-set.ts";
import type { Priority, SourceAccess } from "./task.ts";

/** What a host says when it begins to want a blob. `sequential`: its source cannot be read in ranges. */
export type Opening = {
  readonly registry: string;
  readonly access: SourceAccess;
  readonly sequential: boolean;
  readonly priority: Priority;
  readonly have: PieceSet;
  /** What it reads from its source already, or is about to, by the word of a scheduler before. */
  readonly reading?: readonly PieceRun[];
};

/** What a host reports of one task to the scheduler; `Failure`: how a grant failed, in the words of the floor that says so. */
export type ReportOfTask<Failure extends object> =
  | ({ readonly type: "open" } & Opening)
  | { readonly type: "close" }
  | { readonly type: "need"; readonly run: PieceRun }
  | { readonly type: "verified"; readonly pieces: readonly PieceRun[]; readonly hashes: readonly PieceHash[] }
  | ({ readonly type: "grant-failed"; readonly grant: number } & Failure)
  | { readonly type: "proven" }
  | { readonly type: "proof-failed" };
