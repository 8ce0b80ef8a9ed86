import type { HostId, PieceRun } from "@darner/domain";

/** The scheduler's word: these pieces from there. */
export type PeerGrant = {
  readonly grant: number;
  /** The parent that will send them; absent: read them from the source. */
  readonly parent?: { readonly host: HostId; readonly address: string };
  readonly run: PieceRun;
  /** Of a grant to read: how many such reads the scheduler wants at once; one where it says nothing. */
  readonly connections?: number;
};
