/** A process whose main loop hangs this long is ended by its watchdog: whoever is called later than that had its clock moved. */
const MOST_LATE_MS = 5_000;

/** A difference of large numbers loses its last bits: who was called for a deadline is not to be called again for the rest of it. */
const HAIR_MS = 1e-6;

/**
 * The time a core lives in: goes with the clock of its process, and stands still where that jumps.
 *
 *     own time = clock − lost
 *     clock more than MOST_LATE_MS past the deadline that was asked for → own time is the deadline, the rest is lost
 *     clock before the latest instant                                   → own time stands, and goes on from there
 *
 * A minute that a suspended machine slept, or that a clock was set ahead, is no minute in which others gave nothing.
 */
export class SteadyTime {
  #lostMs = 0;
  #latest = -Infinity;

  /** The core's own time when its clock says `clock` and it had asked to be called at `deadline` (its own time, too). */
  read(clock: number, deadline: number | undefined): number {
    let own = clock - this.#lostMs;
    if (deadline !== undefined && own > deadline + MOST_LATE_MS) own = deadline;
    if (deadline !== undefined && own < deadline && own + HAIR_MS >= deadline) own = deadline;
    own = Math.max(own, this.#latest);
    this.#lostMs = clock - own;
    this.#latest = own;
    return own;
  }

  /** What the clock says at an instant of the core's own time. */
  clockAt(own: number): number {
    return own + this.#lostMs;
  }
}
