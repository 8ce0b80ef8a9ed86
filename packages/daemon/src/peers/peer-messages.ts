import type { PeerEvent, PeerReport } from "@darner/peer-core";
import type { HostReport, SchedulerOrder } from "@darner/protocol";

/** A report of the core as it goes on the wire. */
export function wireReport(report: PeerReport): HostReport {
  if (report.type !== "grant-failed") return report;
  const { grant, failure } = report;
  const piece = failure.code === "piece-refused" ? failure.piece : 0;
  const retryAfterMs = "retryAfterMs" in failure ? failure.retryAfterMs : 0;
  return { type: "grant-failed", grant, code: failure.code, piece, retryAfterMs };
}

/** An order of the scheduler as the event it is for a peer; undefined for what is not the peer's business. */
export function orderEvent(order: SchedulerOrder): PeerEvent | undefined {
  switch (order.type) {
    case "grant-pieces":
      return {
        type: "grant-received",
        grant: { grant: order.grant, parent: { host: order.parent, address: order.address }, run: order.run },
      };
    case "grant-stripe":
      return { type: "grant-received", grant: { grant: order.grant, run: order.run, connections: order.connections } };
    case "revoke-grant":
      return { type: "grant-revoked", grant: order.grant };
    case "table":
      return { type: "table-received", hashes: order.hashes };
    case "standing":
      return { type: "standing-told", standing: order.standing, retryAfterMs: order.retryAfterMs };
    case "restart":
      return { type: "restart-ordered" };
    case "ask-table":
    case "fault":
      return undefined;
  }
}
