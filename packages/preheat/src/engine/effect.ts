import type { HostId, Repository } from "@darner/domain";
import type { Content } from "../image/resolve-image.ts";
import type { ImageReference } from "../job-request.ts";
import type { Job } from "../job.ts";

/** A content, where it may be read from the source, and how its URL begins. */
export type WarmContent = Content & { readonly repository: Repository; readonly scheme: "http" | "https" };

/** What the engine wants done. */
export type JobEffect =
  /** Find out what an image consists of; answered by `image-resolved` or `image-refused`. */
  | {
      readonly type: "resolve-image";
      readonly job: number;
      readonly at: number;
      readonly reference: ImageReference;
      /** Undefined: every platform. */
      readonly platforms: readonly string[] | undefined;
    }
  /** Let a host get these contents, in this order. `mayRead`: it is one of the few that get the job's credential. Said again for what failed. */
  | {
      readonly type: "warm-host";
      readonly job: number;
      readonly host: HostId;
      readonly contents: readonly WarmContent[];
      readonly priority: number;
      readonly pinMs: number;
      readonly mayRead: boolean;
    }
  /** A host need not go on for this job. */
  | { readonly type: "release-host"; readonly job: number; readonly host: HostId }
  /** The job changed; `isDurable` where the change has to outlive the process (not for mere progress). */
  | { readonly type: "keep-job"; readonly job: Job; readonly isDurable: boolean }
  /** The job is over: its credential and whatever else is kept for it goes. */
  | { readonly type: "job-over"; readonly job: number }
  | { readonly type: "forget-job"; readonly job: number };
