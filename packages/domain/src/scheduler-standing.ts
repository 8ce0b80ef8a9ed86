/** Three schedulers are usual, five are many; what hosts say of more than these is of no use to anybody. */
export const MAX_SCHEDULERS = 16;

/** How the schedulers of its configuration stand with one host. */
export type HostStanding = {
  /** In the order of the configuration. `losses`: how often the host lost it lately. */
  readonly schedulers: readonly { readonly address: string; readonly answers: boolean; readonly losses: number }[];
  /** The address of the one it follows; empty: none. */
  readonly active: string;
  /** That one is the scheduler this is said to. */
  readonly isHere: boolean;
  /** It followed another scheduler before, or this one in an earlier life. */
  readonly isMoving: boolean;
};

/** One scheduler as the hosts see it: how many it answers, how many follow it, how often one of them lost it lately. */
export type SchedulerCount = { readonly address: string; readonly reached: number; readonly active: number; readonly losses: number };

/** How the schedulers stand with the hosts that have sessions with one of them. */
export type SwarmStanding = { readonly hosts: number; readonly schedulers: readonly SchedulerCount[] };
