import type { ExitCode } from "../command.ts";

/** The exit code that the end of a process left behind (`runProcess` sets it where the process could not start or failed). */
export function exitCode(): ExitCode {
  return process.exitCode === 2 ? 2 : process.exitCode === undefined || process.exitCode === 0 ? 0 : 1;
}
