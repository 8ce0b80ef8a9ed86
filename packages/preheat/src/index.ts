export type { HostFailure, HostProgress, Job, JobState, ResolvedImage } from "./job.ts";
export type { ImageReference, JobCredential, JobRequest, Scope } from "./job-request.ts";
export { JobError } from "./jobs.ts";
export type { ImageDistribution, JobErrorDetail, JobFilter, Jobs } from "./jobs.ts";
