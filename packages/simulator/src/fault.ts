/** What goes wrong, when (milliseconds of virtual time), and for whom (host numbers). */
export type Fault =
  /** The host's process dies and stays dead. */
  | { readonly type: "host-killed"; readonly atMs: number; readonly host: number }
  /** The scheduler dies; a new one that knows nothing answers `downMs` later. */
  | { readonly type: "scheduler-restarted"; readonly atMs: number; readonly downMs: number }
  /** Whatever the host sends in this time has one byte wrong. */
  | { readonly type: "host-lies"; readonly atMs: number; readonly forMs: number; readonly host: number }
  /** The host's source reads give no more bytes, and no error either. */
  | { readonly type: "source-stalls"; readonly atMs: number; readonly forMs: number; readonly host: number }
  /** The registry answers 429 with this Retry-After. */
  | { readonly type: "source-limits"; readonly atMs: number; readonly forMs: number; readonly retryAfterMs: number }
  /** The registry refuses this host's credential from now on. */
  | { readonly type: "source-refuses"; readonly atMs: number; readonly host: number }
  /** The registry's bytes of one piece are wrong in this time, the same for everybody. */
  | { readonly type: "source-lies"; readonly atMs: number; readonly forMs: number; readonly piece: number };
