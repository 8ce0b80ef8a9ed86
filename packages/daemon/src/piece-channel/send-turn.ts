/**
 * The turn of one host: its connections send one portion at a time between them. Whoever limits what all hosts get (the upload limit, the
 * buffers) so finds one asker for each host in its queue, and serves hosts in turns, however many connections and requests one of them has.
 */
export class SendTurn {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  /** Resolves when it is the caller's turn; it must be given back. At most as many wait as the host has connections. */
  take(): Promise<void> {
    if (this.#isTaken) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
    return Promise.resolve();
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isTaken = false;
    else next();
  }
}
