import type { PieceHash } from "@darner/domain";
import type { Member } from "./member.ts";

/** A line of a piece table, and who said it. */
export type Statement = PieceHash & { readonly by: Member };

/** What was believed when it was doubted; kept until a proof tells who was wrong. */
export type Evidence = {
  /** Whose proof failed; undefined where two lines contradicted each other. */
  readonly alarm: Member | undefined;
  /** Who had said that it had proven the blob with these lines. */
  readonly prover: Member | undefined;
  readonly statements: readonly Statement[];
};

/** A child refused a piece of a parent, because this line of the table says otherwise. */
export type Accusation = { readonly accused: Member; readonly accuser: Member; readonly line: Statement };
