/** What a hostile host lies about. */
export type Lie =
  /** It sends other bytes than the table that it tells says. */
  | "wrong-bytes"
  /** It reads stripes and tells lines of bytes that the registry did not send, and feeds those bytes. */
  | "wrong-table"
  /** It says that it has proven a blob that it made up. */
  | "false-proof"
  /** It says of a good table that its bytes do not have the digest. */
  | "false-alarm"
  /** It claims every piece and has none. */
  | "has-nothing"
  /** It sends a few bytes a second. */
  | "slow"
  /** It sends signs of life without end, and nothing else. */
  | "endless-waiting"
  /** It sends pieces that nobody asked for. */
  | "unasked"
  /** It begins a piece and sends a byte of it now and then. */
  | "endless-piece"
  /** It says that a piece is longer than it is. */
  | "too-long";

/** What a hostile host is told when it is started, as JSON in the variable HOSTILE_PLAN. */
export type HostilePlan = {
  readonly lie: Lie;
  readonly dir: string;
  readonly scheduler: string;
  readonly registry: string;
  readonly digest: string;
  /** A file with the right bytes. */
  readonly content: string;
  /** Pieces it lies about; absent: all. */
  readonly pieces?: readonly number[];
  /** Wants the blob as a reader of the source, too. */
  readonly asPeer: boolean;
};
