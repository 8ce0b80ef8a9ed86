import { readFileSync } from "node:fs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** While it lives, a signal ends what `lives` holds (processes, namespaces, folders) before it ends this process. */
export function endingOnSignal(lives: AsyncDisposableStack): Disposable {
  const end = (signal: NodeJS.Signals): void => {
    stop();
    void lives.disposeAsync().finally(() => {
      // What was started and is not ready yet is in nobody's hands.
      for (const child of children()) process.kill(child, "SIGTERM");
      process.kill(process.pid, signal);
    });
  };
  const stop = (): void => {
    for (const signal of SIGNALS) process.off(signal, end);
  };
  for (const signal of SIGNALS) process.on(signal, end);
  return { [Symbol.dispose]: stop };
}

function children(): number[] {
  const pid = String(process.pid);
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}
