const END_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** A signal that is aborted when the process is asked to end; disposing it stops listening. */
export type EndSignal = Disposable & { readonly signal: AbortSignal };

/** Listens for SIGINT and SIGTERM. Only the first counts: a second one has its usual effect and ends the process at once. */
export function untilSignal(): EndSignal {
  const controller = new AbortController();
  const dispose = (): void => {
    for (const name of END_SIGNALS) process.removeListener(name, onSignal);
  };
  const onSignal = (name: NodeJS.Signals): void => {
    dispose();
    controller.abort(new DOMException(`received ${name}`, "AbortError"));
  };
  for (const name of END_SIGNALS) process.on(name, onSignal);
  return { signal: controller.signal, [Symbol.dispose]: dispose };
}
