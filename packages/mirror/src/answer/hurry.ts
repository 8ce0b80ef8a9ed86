import type { Exchange } from "../connection/exchange.ts";
import { answerProblem } from "./problem.ts";

/**
 * Waits for the backend as long as the client can: undefined where the exchange is over or was answered 503 because the first byte
 * is overdue or the mirror shuts down. What the backend then still gives is handed to `discard`.
 */
export async function hurry<T>(
  exchange: Exchange,
  work: Promise<T>,
  discard: (late: T) => void,
): Promise<{ readonly value: T } | undefined> {
  const { promise: cut, resolve } = Promise.withResolvers<undefined>();
  const onAbort = (): void => {
    resolve(undefined);
  };
  if (exchange.signal.aborted) onAbort();
  exchange.signal.addEventListener("abort", onAbort, { once: true });
  const result = await Promise.race([work.then((value) => ({ value })), cut]).finally(() => {
    exchange.signal.removeEventListener("abort", onAbort);
  });
  if (result !== undefined && !exchange.signal.aborted) return result;
  // A rejection after the client has been answered concerns nobody any more.
  work.then(discard, () => {});
  if (!exchange.isOver) {
    exchange.closeAfter();
    answerProblem(exchange, { status: 503, code: "UNSUPPORTED", message: "not at hand in time: ask the registry itself" });
  }
  return undefined;
}
