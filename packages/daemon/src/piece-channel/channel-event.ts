/** Which end of a connection this host is: the parent feeds, the child is fed. */
export type ChannelSide = "parent" | "child";

/** Why a connection came to nothing or was ended by this host. */
export type ConnectionRefusal =
  /** No TLS, no key, or not in time. */
  | "handshake-failed"
  /** The other end is not a member. */
  | "not-admitted"
  /** The other end is not the host that was dialled (child's side). */
  | "wrong-host"
  /** This host serves, or is connected to, as many as it may, of all hosts or of this one. */
  | "too-many"
  /** The other end makes more work than one host may. */
  | "too-greedy"
  /** The other end broke the framing or speaks another version. */
  | "protocol-violation"
  /** The other end neither reads nor writes any more. */
  | "stalled";

/** What happens on the piece channel, for the metrics; never names a host or a blob. */
export type ChannelEvent =
  /** A connection whose ends know each other began. */
  | { readonly type: "connection-opened"; readonly side: ChannelSide }
  /** A connection that was opened ended. */
  | { readonly type: "connection-closed"; readonly side: ChannelSide }
  /** This host turned a connection away, or ended it, for a reason. */
  | { readonly type: "connection-refused"; readonly side: ChannelSide; readonly reason: ConnectionRefusal }
  /** Bytes of a piece were handed to a child's socket. */
  | { readonly type: "bytes-sent"; readonly bytes: number }
  /** A request was turned down. */
  | { readonly type: "request-refused"; readonly reason: "unknown" | "busy" }
  /** Bytes of a piece came from a parent; not `wanted`: read and dropped. */
  | { readonly type: "bytes-received"; readonly bytes: number; readonly wanted: boolean };

/** Who counts what happens on the channel. */
export type ObserveChannel = (event: ChannelEvent) => void;

/** Slows bytes down to a rate; the runtime's `TokenBucket` is one. */
export type ByteLimit = {
  /** Takes the bytes if they may pass at once. */
  tryTake(bytes: number): boolean;
  /** Resolves when the bytes may pass. */
  take(bytes: number): Promise<void>;
};

/** What protects the bytes on their way; the ends prove their keys to each other either way. */
export type ChannelEncryption = "tls" | "none";
