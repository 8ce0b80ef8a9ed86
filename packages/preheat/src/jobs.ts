import { DarnerError, type Digest, type HostId } from "@darner/domain";
import type { ImageReference, JobCredential, JobRequest } from "./job-request.ts";
import type { Job, JobState } from "./job.ts";

/** Which jobs to list, newest first. */
export type JobFilter = { readonly states?: readonly JobState[]; readonly limit: number; readonly before?: number };

/** Which hosts hold what of an image. */
export type ImageDistribution = {
  readonly image: string;
  readonly digest: Digest;
  readonly contents: readonly { readonly digest: Digest; readonly size: number; readonly mediaType: string }[];
  readonly hosts: readonly {
    readonly host: HostId;
    readonly hostName: string;
    readonly ip: string;
    readonly zone: string;
    /** Digests that this host holds whole. */
    readonly holds: readonly Digest[];
    readonly complete: boolean;
  }[];
};

/** The door between the faces (HTTP, schedule) and the engine. */
export interface Jobs {
  /** Whether a job created now could do anything: a host is there and the job store is writable; else why not. */
  readiness(): { readonly ready: true } | { readonly ready: false; readonly why: string };
  /** Durable when it resolves; the work goes on in the background. Rejects with `JobError`. */
  create(request: JobRequest, credential?: JobCredential): Promise<Job>;
  get(id: number): Promise<Job | undefined>;
  list(filter: JobFilter): Promise<readonly Job[]>;
  /** Ends the work and keeps the record; false where there is no such job or it is over. */
  cancel(id: number): Promise<boolean>;
  /** Ends the work and forgets the record; false where there is no such job. */
  remove(id: number): Promise<boolean>;
  /** The job now and after each change, until it is over or the signal says so. */
  watch(id: number, signal: AbortSignal): AsyncIterable<Job>;
  /** Rejects with `JobError` where the image cannot be resolved. */
  distribution(image: ImageReference, credential?: JobCredential): Promise<ImageDistribution>;
}

/** Why a job cannot be created or an image not be shown. */
export type JobErrorDetail =
  /** The request names something that is not there or not allowed: cluster, platform, host, registry. */
  | { readonly code: "refused"; readonly what: string }
  /** As many jobs wait as may. */
  | { readonly code: "busy" }
  /** The job store cannot be written. */
  | { readonly code: "store"; readonly cause?: unknown }
  /** The scheduler that keeps the job does not answer. */
  | { readonly code: "absent" }
  /** The registry's answer, for `distribution`. */
  | { readonly code: "registry"; readonly status?: number };

/** A job that cannot be; the message is a sentence for an admin. */
export class JobError extends DarnerError<JobErrorDetail> {}
