import type { HostId, PieceRun, PieceSet, Task } from "@darner/domain";
import type { PieceWriter } from "../store/store.ts";

/** Where a parent is reached: the key it must prove, and `host:port` of its piece channel. */
export type ParentAddress = { readonly host: HostId; readonly address: string };

/** Why a parent sends no more of a grant. */
export type ChannelFailure =
  /** No connection, or it ended. */
  | "channel-lost"
  /** Connected, but neither piece nor sign of life for too long. */
  | "parent-silent"
  /** The parent does not have and does not expect this blob. */
  | "blob-unknown"
  /** The parent sends nothing more now: it is overloaded or stopping. */
  | "parent-busy"
  /** The other end is not the host it should be. */
  | "wrong-host"
  /** The other end is the host it should be, but no member. */
  | "not-a-member"
  /** The parent broke the framing. */
  | "protocol-violation";

/** Takes in pieces of one grant. A writer that `begin` gave is either handed to `end` or aborted by the fetcher, before `fetch` resolves. */
export interface PieceSink {
  /** A piece begins: where its bytes go; undefined refuses it (already here): its bytes are read and dropped. */
  begin(piece: number): PieceWriter | undefined;
  /** The piece's bytes are all committed to its writer, or it failed (`finish` then says how). The next piece of the grant may begin before the writer has finished. */
  end(piece: number, writer: PieceWriter): void;
}

/** One request to a parent: it sends each piece of the run as soon as it has verified it itself, in any order. */
export type PieceRequest = {
  readonly parent: ParentAddress;
  readonly task: Task;
  readonly run: PieceRun;
  /** Pieces of the run that are not wanted: here already. */
  readonly skip?: PieceSet;
  readonly sink: PieceSink;
  readonly signal: AbortSignal;
};

/** The child's side of the piece channel: long-lived connections, one per parent, requests pipelined on it. */
export interface PieceFetcher extends AsyncDisposable {
  /** Resolves with undefined when every piece of the run was sent, else with why not; never rejects. An aborted request resolves too. */
  fetch(request: PieceRequest): Promise<ChannelFailure | undefined>;
}
