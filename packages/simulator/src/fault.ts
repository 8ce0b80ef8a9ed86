/** Which hosts: these numbers, or a share of all that the dice choose. */
export type Who = { readonly hosts: readonly number[] } | { readonly share: number };

/** What goes wrong, when (milliseconds of virtual time), and for whom. */
export type Fault =
  /** The hosts' processes die and stay dead: their connections break at once. */
  | { readonly type: "hosts-killed"; readonly atMs: number; readonly who: Who }
  /** The hosts lose power or network: nobody is told, others notice by their silence. */
  | { readonly type: "hosts-cut"; readonly atMs: number; readonly who: Who }
  /** The hosts' processes die and come back with what their disks hold; what they pulled is asked for again. */
  | { readonly type: "hosts-restarted"; readonly atMs: number; readonly who: Who; readonly downMs: number }
  /** The same, for each of them at an instant of its own within `forMs`. */
  | { readonly type: "churn"; readonly atMs: number; readonly forMs: number; readonly who: Who; readonly downMs: number }
  /** The hosts take every request in this time and send nothing. */
  | { readonly type: "hosts-stall"; readonly atMs: number; readonly forMs: number; readonly who: Who }
  /** Whatever the hosts send in this time has one byte wrong. */
  | { readonly type: "hosts-lie"; readonly atMs: number; readonly forMs: number; readonly who: Who }
  /** The same for this share of the pieces they send, chosen by the dice. */
  | { readonly type: "hosts-corrupt"; readonly atMs: number; readonly forMs: number; readonly who: Who; readonly share: number }
  /** From now on the hosts say that they hold every blob; what they do not have they never send. */
  | { readonly type: "hosts-claim"; readonly atMs: number; readonly who: Who }
  /** The hosts' source reads give no more bytes in this time, and no error either. */
  | { readonly type: "source-stalls"; readonly atMs: number; readonly forMs: number; readonly who: Who }
  /** The registry answers 429 with this Retry-After. */
  | { readonly type: "source-limits"; readonly atMs: number; readonly forMs: number; readonly retryAfterMs: number }
  /** The registry refuses the hosts' credentials from now on. */
  | { readonly type: "source-refuses"; readonly atMs: number; readonly who: Who }
  /** The registry's bytes of one piece are wrong in this time, the same for everybody. */
  | { readonly type: "source-lies"; readonly atMs: number; readonly forMs: number; readonly piece: number }
  /** A scheduler (the first one, where it is not named) dies; a new one that knows nothing answers there `downMs` later. */
  | { readonly type: "scheduler-restarted"; readonly atMs: number; readonly downMs: number; readonly scheduler?: number }
  /** A scheduler dies and stays dead. */
  | { readonly type: "scheduler-killed"; readonly atMs: number; readonly scheduler: number }
  /** The hosts do not reach a scheduler in this time (more than it takes to notice), and are not told so: both sides notice by the silence. */
  | { readonly type: "scheduler-cut"; readonly atMs: number; readonly forMs: number; readonly scheduler: number; readonly who: Who }
  /** The clocks of the hosts go ahead by so much at once; back (below 0): they stand still for so long, as monotonic clocks do. */
  | { readonly type: "clocks-jump"; readonly atMs: number; readonly who: Who; readonly byMs: number }
  /** The same for the scheduler's clock. */
  | { readonly type: "scheduler-clock-jumps"; readonly atMs: number; readonly byMs: number };
