import type { HostId } from "@darner/domain";
import type { GrantFailureCode, Hello, Holding, TaskReport } from "@darner/protocol";
import type { GrantFailure, SchedulerEvent } from "@darner/scheduler-core";

/** A daemon's first words as the event they are. */
export function joinedEvent(hello: Hello): SchedulerEvent {
  return { type: "host-joined", host: hello.host, address: hello.address, zone: hello.zone, seed: hello.seed };
}

/** An announcement as the event it is. */
export function announcedEvent(host: HostId, holding: Holding): SchedulerEvent {
  return { type: "blob-announced", host, ...holding };
}

/** A report as the event it is. */
export function reportedEvent(host: HostId, { task, report }: TaskReport): SchedulerEvent {
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
      return {
        type: "grant-failed",
        host,
        task,
        grant: report.grant,
        failure: grantFailure(report.code, report.piece, report.retryAfterMs),
      };
    case "proven":
      return { type: "blob-proven", host, task };
    case "proof-failed":
      return { type: "proof-failed", host, task };
    case "table":
      return { type: "table-told", host, task, hashes: report.hashes };
  }
}

function grantFailure(code: GrantFailureCode, piece: number, retryAfterMs: number): GrantFailure {
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
