import type { HostId, Task } from "@darner/domain";
import type { PeerReport } from "@darner/peer-core";
import type { GrantFailure, SchedulerEvent } from "@darner/scheduler-core";

/** A peer's report as the event it is for the scheduler core. */
export function asSchedulerEvent(host: HostId, task: Task, report: PeerReport): SchedulerEvent {
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
      return { type: "grant-failed", host, task, grant: report.grant, failure: asGrantFailure(report.failure) };
    case "proven":
      return { type: "blob-proven", host, task };
    case "proof-failed":
      return { type: "proof-failed", host, task };
  }
}

function asGrantFailure(failure: Extract<PeerReport, { type: "grant-failed" }>["failure"]): GrantFailure {
  switch (failure.code) {
    case "channel-lost":
      return { code: "parent-lost" };
    case "piece-refused":
      return { code: failure.code, piece: failure.piece };
    case "source-unavailable":
    case "source-limited":
      return { code: failure.code, retryAfterMs: failure.retryAfterMs };
    case "parent-silent":
    case "parent-refused":
    case "source-refused":
    case "source-without-range":
    case "disk-refused":
      return { code: failure.code };
  }
}
