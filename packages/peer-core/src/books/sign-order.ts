/** Something that gives signs of life: its place among others of its kind is kept in itself. */
export type Signing<Thing> = {
  /** Its neighbours in the order of signs: whose last one came before its own, and after. */
  before: Thing | undefined;
  after: Thing | undefined;
};

/**
 * Things in the order of their last signs. Most transfers of a peer stand and wait for pieces that come much later: who asks whether
 * somebody still gives begins with the latest, and is done at the first that has been silent for too long.
 */
export class SignOrder<Thing extends Signing<Thing>> {
  #latest: Thing | undefined;

  /** The one that gave a sign last; `before` leads to the others. */
  get latest(): Thing | undefined {
    return this.#latest;
  }

  /** Adds one that gives a sign now. */
  add(thing: Thing): void {
    thing.before = this.#latest;
    thing.after = undefined;
    if (this.#latest !== undefined) this.#latest.after = thing;
    this.#latest = thing;
  }

  /** One of them gave a sign now. */
  renew(thing: Thing): void {
    if (this.#latest === thing) return;
    this.remove(thing);
    this.add(thing);
  }

  /** Takes one of them out. */
  remove(thing: Thing): void {
    const { before, after } = thing;
    if (before !== undefined) before.after = after;
    if (after !== undefined) after.before = before;
    if (this.#latest === thing) this.#latest = before;
    thing.before = undefined;
    thing.after = undefined;
  }
}
