import type { SchedulerLink } from "./scheduler-link.ts";

/** The link of a daemon without schedulers: silence. */
export const noSchedulerLink: SchedulerLink = {
  scheduler: undefined,
  lostForMs: undefined,
  standing: { forMs: 0, rows: [] },
  isSplit: false,
  report() {},
  announce() {},
  dropped() {},
  tellPublic() {},
  tellWarmed() {},
  async [Symbol.asyncDispose]() {
    await Promise.resolve();
  },
};
