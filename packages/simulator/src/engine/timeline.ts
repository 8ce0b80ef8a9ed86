import { TimeQueue } from "@darner/domain";

/** Something that can be planned. */
export interface Happening {
  happen(): void;
}

/** Virtual time: what is planned happens in order of its instant, on a tie in the order in which it was planned. */
export class Timeline {
  /** Now, in milliseconds. */
  now = 0;
  // As many as the hosts of a scenario make: some for each of them, its pieces and its messages under way.
  readonly #planned = new TimeQueue<Happening>();

  /** Plans something at an instant; one in the past is now. */
  at(instant: number, happening: Happening): void {
    this.#planned.add(instant > this.now ? instant : this.now, happening);
  }

  /** Plans something `inMs` from now. */
  after(inMs: number, happen: () => void): void {
    this.at(this.now + inMs, { happen });
  }

  /** Lets the next thing happen; false where nothing is planned before `end`. */
  step(end: number): boolean {
    const instant = this.#planned.firstAt;
    if (instant > end) return false;
    const next = this.#planned.take();
    if (next === undefined) return false;
    this.now = instant;
    next.happen();
    return true;
  }
}
