/** Every bound of the engine, and every duration its rules use, in milliseconds. */
export type EngineLimits = {
  readonly maxOpenJobs: number;
  readonly maxFailureRows: number;
  readonly maxTries: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
  readonly absentMs: number;
  readonly settleMs: number;
  readonly dueStepMs: number;
  readonly progressEveryMs: number;
  readonly maxContentUrls: number;
};

/** The bounds of a scheduler's engine. */
export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  // Harbor's jobservice runs 10 tasks at once; a scripted client may post a whole policy. A job is about 2 KiB and 0.2 KiB a host.
  maxOpenJobs: 2000,
  // Harbor prints every row into a task log; the rest is counted.
  maxFailureRows: 200,
  // A content that failed five times on a host, over half a minute, fails there for a reason.
  maxTries: 5,
  // First pause before a content is tried again on a host; doubles with each further failure.
  retryMs: 1000,
  maxRetryMs: 15_000,
  // How long a job waits for a host that is not there: as long as a daemon takes to restart, or a first one to come.
  absentMs: 60_000,
  // After the engine began, so long hosts are awaited where a job wants some of them: daemons look for their scheduler every two seconds at most.
  settleMs: 5000,
  // All hosts of a job are looked over when something is due: four times a second at most.
  dueStepMs: 250,
  // People watch progress; the store and the network need not hear of every piece.
  progressEveryMs: 1000,
  // An image has tens of layers; Harbor shows one row for each and host.
  maxContentUrls: 1000,
};
