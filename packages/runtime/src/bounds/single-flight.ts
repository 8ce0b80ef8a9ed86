type Flight<V> = { readonly result: Promise<V>; readonly controller: AbortController; passengers: number };

/**
 * Runs at most one piece of work per key at a time; whoever asks meanwhile gets the same result.
 * A caller that aborts leaves alone; when the last one has left, the work's own signal is aborted.
 * The table holds one entry per running work and is so bounded by the number of callers.
 */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Flight<V>>();

  /** Works in progress. */
  get size(): number {
    return this.#flights.size;
  }

  /** Joins the work for `key`, or starts it; rejects with the signal's reason when this caller leaves. */
  async run(key: K, start: (signal: AbortSignal) => Promise<V>, signal?: AbortSignal): Promise<V> {
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#takeOff(key, start);
    flight.passengers += 1;
    try {
      return await (signal === undefined ? flight.result : firstOf(flight.result, signal));
    } finally {
      flight.passengers -= 1;
      if (flight.passengers === 0) this.#land(key, flight);
    }
  }

  #takeOff(key: K, start: (signal: AbortSignal) => Promise<V>): Flight<V> {
    const controller = new AbortController();
    // An async function, so that a start that throws at once is a rejection too.
    const result = (async () => await start(controller.signal))();
    const flight: Flight<V> = { result, controller, passengers: 0 };
    this.#flights.set(key, flight);
    const over = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    result.then(over, over);
    return flight;
  }

  #land(key: K, flight: Flight<V>): void {
    if (this.#flights.get(key) !== flight) return;
    this.#flights.delete(key);
    flight.controller.abort(new DOMException("nobody waits for it any more", "AbortError"));
  }
}

function firstOf<V>(result: Promise<V>, signal: AbortSignal): Promise<V> {
  const { promise, resolve, reject } = Promise.withResolvers<V>();
  const onAbort = (): void => {
    reject(signal.reason as Error);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  result.then(resolve, reject).finally(() => {
    signal.removeEventListener("abort", onAbort);
  });
  return promise;
}
