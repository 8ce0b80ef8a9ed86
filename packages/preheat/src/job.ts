import type { Digest, HostId } from "@darner/domain";
import type { JobRequest } from "./job-request.ts";

/** How a job stands. `partial`: at least one whole copy in each cluster, and hosts that failed. */
export type JobState = "pending" | "running" | "succeeded" | "partial" | "failed" | "cancelled";

/** An image of a job as it was resolved: once, and by this digest ever after. */
export type ResolvedImage = {
  /** As in `harbor.corp/team/app:v1`. */
  readonly name: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** The platforms that are warmed, and those that exist and are not. Both empty for an image without platforms. */
  readonly platforms: readonly string[];
  readonly otherPlatforms: readonly string[];
  /** Everything that is warmed: manifests, configs, layers; bytes in all. */
  readonly contents: number;
  readonly bytes: number;
  /** What an admin should know: layers that are not at the registry, platforms of hosts that the image has nothing for. */
  readonly notes: readonly string[];
};

/** One content on one host that could not be had. */
export type HostFailure = {
  readonly host: HostId;
  readonly hostName: string;
  readonly ip: string;
  readonly cluster: number;
  /** The URL of the content at its registry, as Harbor shows it. */
  readonly url: string;
  /** A sentence for an admin. */
  readonly description: string;
};

/** How far one host is. */
export type HostProgress = {
  readonly host: HostId;
  readonly hostName: string;
  readonly ip: string;
  readonly zone: string;
  readonly cluster: number;
  /** `not-applicable`: the images have nothing that this host could run. */
  readonly state: "waiting" | "running" | "complete" | "failed" | "not-applicable";
  readonly contents: number;
  readonly contentsHeld: number;
  readonly bytes: number;
  readonly bytesHeld: number;
};

/** A job as it is kept and told. Plain data: what `level` holds and the API returns. */
export type Job = {
  /** Replica-carrying: n × 16 + ordinal of the scheduler that wrote it; 1 to 2^53 − 1. */
  readonly id: number;
  readonly request: JobRequest;
  readonly state: JobState;
  /** A credential came with it, which ends with the process that took it. */
  readonly cameWithCredential?: true;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly finishedAt?: number;
  readonly images: readonly ResolvedImage[];
  /** URLs of the contents, as Harbor lists them: bounded, and the same for every host. */
  readonly contentUrls: readonly string[];
  readonly hosts: readonly HostProgress[];
  /** Bounded; failures of more hosts are counted in `failuresLeftOut`. */
  readonly failures: readonly HostFailure[];
  readonly failuresLeftOut: number;
  /** Why the job failed: image, status, reason, what to do, in one sentence. */
  readonly error?: string;
};

/** A job that was just asked for. */
export function newJob(id: number, request: JobRequest, now: number): Job {
  return {
    id,
    request,
    state: "pending",
    createdAt: now,
    updatedAt: now,
    images: [],
    contentUrls: [],
    hosts: [],
    failures: [],
    failuresLeftOut: 0,
  };
}
