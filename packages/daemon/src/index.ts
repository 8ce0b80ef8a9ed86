export { openDaemon } from "./open-daemon.ts";
export type { DaemonDeps, RunningDaemon } from "./open-daemon.ts";
export type { DaemonAddresses, DaemonStatus } from "./status.ts";
export type { BlobExplanation } from "./record/explain.ts";
export type { BlobAccount, Origin } from "./record/blob-account.ts";
