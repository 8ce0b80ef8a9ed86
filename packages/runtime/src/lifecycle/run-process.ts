import { once } from "node:events";
import { writeSync } from "node:fs";
import type { Logger } from "../log.ts";
import { StartError } from "../start-error.ts";
import { notifySupervisor } from "./notify-supervisor.ts";
import { untilSignal } from "./until-signal.ts";

/** What a process is given to open itself with. */
export type ProcessContext = {
  /** Aborted when the process is to end. */
  readonly signal: AbortSignal;
  /** What is opened is put here, and is disposed in reverse order at the end. */
  readonly resources: AsyncDisposableStack;
};

export type RunOptions = {
  readonly log: Logger;
  /** Milliseconds an orderly end may take; default 10 s, half of what Kubernetes leaves by default. */
  readonly graceMs?: number;
};

const GRACE_MS = 10_000;

/**
 * The life of a process: `open` opens everything, then the process waits to be asked to end (SIGINT, SIGTERM), then all is
 * disposed and the process ends by itself. Exit code 0; 2 where it could not start (`StartError`); 1 after an error that
 * nobody handled, which also begins the end. Where the end takes longer than `graceMs` the process kills itself:
 * its state is safe at any instant, and an accepted connection that nobody serves is worse than a refused one.
 * A supervisor that wants to know (systemd) is told when it is open, and when it begins to end.
 */
export async function runProcess(open: (context: ProcessContext) => Promise<void>, options: RunOptions): Promise<void> {
  // What a process makes is its owner's alone: keys, cached private images, journals. Who needs a file for others says so with chmod.
  process.umask(0o077);
  using asked = untilSignal();
  const failed = failOnUnhandled(options.log);
  const signal = AbortSignal.any([asked.signal, failed]);
  const resources = new AsyncDisposableStack();
  // A process that only waits has nothing else that keeps it alive.
  const alive = setInterval(() => {}, GRACE_MS);
  try {
    await open({ signal, resources });
    if (!signal.aborted) {
      const supervisor = { env: process.env, log: options.log };
      void notifySupervisor("ready", supervisor);
      await once(signal, "abort");
      void notifySupervisor("stopping", supervisor);
    }
  } catch (error) {
    if (!signal.aborted) reportFailure(error, options.log);
  }
  clearInterval(alive);
  killAfter(options.graceMs ?? GRACE_MS);
  try {
    await resources.disposeAsync();
  } catch (error) {
    options.log.error("could not end in order", { error });
    process.exitCode = 1;
  }
}

/** An error that nobody handled leaves the process in an unknown state: it ends, in order, with exit code 1. */
function failOnUnhandled(log: Logger): AbortSignal {
  const controller = new AbortController();
  const fail = (message: string) => (error: unknown) => {
    log.error(message, { error });
    process.exitCode = 1;
    controller.abort(new DOMException(message, "AbortError"));
  };
  process.on("uncaughtException", fail("uncaught error"));
  process.on("unhandledRejection", fail("unhandled rejection"));
  return controller.signal;
}

function reportFailure(error: unknown, log: Logger): void {
  if (error instanceof StartError) {
    log.debug("could not start", { error });
    process.stderr.write(`darner: ${error.message}\n`);
    process.exitCode = 2;
    return;
  }
  log.error("could not start", { error });
  process.exitCode = 1;
}

/** The last resort; unreferenced, so that a process with nothing left to do ends before it. */
function killAfter(graceMs: number): void {
  setTimeout(() => {
    writeSync(2, `darner: still not ended after ${String(graceMs / 1000)} s, killed\n`);
    process.kill(process.pid, "SIGKILL");
  }, graceMs).unref();
}
