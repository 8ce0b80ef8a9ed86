export { openDaemon } from "./open-daemon.ts";
export type { DaemonDeps, RunningDaemon } from "./open-daemon.ts";
export type { DaemonAddresses, DaemonStatus } from "./status.ts";
