import type { Digest, HostId } from "@darner/domain";
import type { ImageContents } from "../image/resolve-image.ts";
import type { Job } from "../job.ts";
import type { LiveHost } from "./live-host.ts";

/** What can happen to the engine. Times are milliseconds since the epoch: a job outlives the process. */
export type JobEvent =
  /** Somebody asked for a job, or a job that was not over was found in the store. `hasCredential`: a token came with it and is still there. */
  | { readonly type: "job-opened"; readonly job: Job; readonly hasCredential: boolean }
  /** An image of a job was resolved; `at` is its place among the job's images. */
  | { readonly type: "image-resolved"; readonly job: number; readonly at: number; readonly contents: ImageContents }
  /** An image of a job cannot be had. */
  | { readonly type: "image-refused"; readonly job: number; readonly at: number; readonly reason: string }
  | { readonly type: "host-joined"; readonly host: LiveHost }
  | { readonly type: "host-left"; readonly host: HostId }
  /** A host holds this content whole and proven. */
  | { readonly type: "content-held"; readonly host: HostId; readonly digest: Digest }
  /** A host holds this many bytes of a content by now. */
  | { readonly type: "content-progress"; readonly host: HostId; readonly digest: Digest; readonly bytes: number }
  /** A host could not get a content; `isFinal`: trying again would be of no use. */
  | { readonly type: "content-failed"; readonly host: HostId; readonly digest: Digest; readonly reason: string; readonly isFinal: boolean }
  | { readonly type: "job-cancelled"; readonly job: number }
  | { readonly type: "job-removed"; readonly job: number }
  /** The deadline that `nextDeadline` named has come. */
  | { readonly type: "time-passed" };
