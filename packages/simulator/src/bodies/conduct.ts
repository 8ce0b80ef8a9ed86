import type { Dice } from "../engine/random.ts";

/** How a host behaves towards others; an honest one does nothing of this. */
export class Conduct {
  /** Until then it takes every request and sends nothing. */
  stalledUntil = 0;
  /** Says that it holds every blob, and never sends what it does not have. */
  isClaiming = false;
  /** Share of the pieces it sends with a wrong byte. */
  wrongShare = 0;
  /** Its source reads give no more bytes. */
  isSourceStalled = false;
  /** The registry refuses its credential. */
  isSourceRefused = false;
  readonly #dice: Dice;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** Whether the next piece it sends has a wrong byte. */
  sendsWrong(): boolean {
    return this.wrongShare > 0 && (this.wrongShare === 1 || this.#dice() < this.wrongShare);
  }
}
