import type { HostId } from "@darner/domain";
import type { Hello, Holding, TaskReport } from "@darner/protocol";
import { reportedEvent, type SchedulerEvent } from "@darner/scheduler-core";

/** A daemon's first words as the event they are. */
export function joinedEvent(hello: Hello): SchedulerEvent {
  return { type: "host-joined", host: hello.host, address: hello.address, zone: hello.zone, seed: hello.seed };
}

/** An announcement as the event it is. */
export function announcedEvent(host: HostId, holding: Holding): SchedulerEvent {
  return { type: "blob-announced", host, ...holding };
}

/** A report as it came on the wire, as the event it is. */
export function wiredEvent(host: HostId, { task, report }: TaskReport): SchedulerEvent {
  if (report.type !== "grant-failed") return reportedEvent(host, task, report);
  const { type, grant, ...failure } = report;
  return reportedEvent(host, task, { type, grant, failure });
}
