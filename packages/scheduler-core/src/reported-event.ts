import type { HostId, PieceHash, ReportOfTask, Task } from "@darner/domain";
import type { GrantFailure, SchedulerEvent } from "./event.ts";

/** How a grant failed, as a host says it; what does not belong to the code is not looked at. */
type ReportedFailure = {
  readonly code: Exclude<GrantFailure["code"], "parent-lost"> | "channel-lost";
  readonly piece?: number;
  readonly retryAfterMs?: number;
};

/** What a host says of one task, whether it came over a wire or straight from the peer's core. */
type Reported = ReportOfTask<{ readonly failure: ReportedFailure }> | { readonly type: "table"; readonly hashes: readonly PieceHash[] };

/** A report as the event it is. */
export function reportedEvent(host: HostId, task: Task, report: Reported): SchedulerEvent {
  switch (report.type) {
    case "open": {
      const { type: _type, ...opened } = report;
      return { type: "peer-opened", host, task, ...opened };
    }
    case "close":
      return { type: "peer-closed", host, task };
    case "need":
      return { type: "pieces-needed", host, task, run: report.run };
    case "verified":
      return { type: "pieces-verified", host, task, pieces: report.pieces, hashes: report.hashes };
    case "grant-failed":
      return { type: "grant-failed", host, task, grant: report.grant, failure: grantFailure(report.failure) };
    case "proven":
      return { type: "blob-proven", host, task };
    case "proof-failed":
      return { type: "proof-failed", host, task };
    case "table":
      return { type: "table-told", host, task, hashes: report.hashes };
  }
}

function grantFailure({ code, piece = 0, retryAfterMs = 0 }: ReportedFailure): GrantFailure {
  switch (code) {
    case "channel-lost":
      return { code: "parent-lost" };
    case "piece-refused":
      return { code, piece };
    case "source-unavailable":
    case "source-limited":
      return { code, retryAfterMs };
    case "parent-silent":
    case "parent-refused":
    case "disk-refused":
    case "source-refused":
    case "source-without-range":
      return { code };
  }
}
