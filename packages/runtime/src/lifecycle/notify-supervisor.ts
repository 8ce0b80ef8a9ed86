import { execFile } from "node:child_process";
import type { Logger } from "../log.ts";

/** What a process tells whoever supervises it: it serves, or it is about to end. */
export type LifeNotice = "ready" | "stopping";

// sd_notify(3).
const ASSIGNMENTS: Readonly<Record<LifeNotice, string>> = { ready: "READY=1", stopping: "STOPPING=1" };
// Node has no datagram sockets of the kind that systemd listens on; this program of systemd's own speaks for its parent.
const PROGRAM = "/usr/bin/systemd-notify";
// It waits until systemd has read the notice, which is at once.
const TIMEOUT_MS = 5_000;

/**
 * Tells systemd, where it started this process and asked to be told (`Type=notify` sets `NOTIFY_SOCKET`); does nothing elsewhere.
 * A notice that does not arrive is logged: systemd then says itself that the unit never became ready. Never rejects.
 */
export function notifySupervisor(notice: LifeNotice, { env, log }: { env: NodeJS.ProcessEnv; log: Logger }): Promise<void> {
  const socket = env["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  execFile(PROGRAM, [ASSIGNMENTS[notice]], { env: { NOTIFY_SOCKET: socket }, timeout: TIMEOUT_MS, killSignal: "SIGKILL" }, (error) => {
    if (error !== null) log.warn("systemd could not be told", { notice, program: PROGRAM, error });
    resolve(undefined);
  });
  return promise;
}
