/** A process whose main loop hangs this long is ended by its watchdog: whoever is called later than that had its clock moved. */
const MOST_LATE_MS = 5_000;

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
  #latest: number | undefined;

  /** The core's own time when its clock says `clock` and it had asked to be called at `deadline` (its own time, too). */
  read(clock: number, deadline: number | undefined): number {
    let own = clock - this.#lostMs;
    if (deadline !== undefined && own > deadline + MOST_LATE_MS) own = deadline;
    // The deadline has come by what `clockAt` said, also where a difference of large numbers loses a bit.
    if (deadline !== undefined && own < deadline && clock >= this.clockAt(deadline)) own = deadline;
    own = Math.max(own, this.#latest ?? own);
    this.#lostMs = clock - own;
    this.#latest = own;
    return own;
  }

  /** What the clock says at an instant of the core's own time. */
  clockAt(own: number): number {
    return own + this.#lostMs;
  }
}
