import { Counter, Histogram, SECONDS_BUCKETS } from "@darner/runtime";
import type { Registry } from "@darner/runtime";

/** What a request is about, as a metric label. */
export type RouteKind = "manifest" | "blob" | "listing" | "ping" | "other";

/** How a response ended: its status class, cut off before its end by us, or given up by the client. */
export type ResponseOutcome = "2xx" | "3xx" | "4xx" | "5xx" | "ended-short" | "client-gone";

/** What the mirror tells of itself. */
export type MirrorMetrics = {
  readonly requests: Counter<"route" | "outcome">;
  readonly firstByteSeconds: Histogram<"route">;
  readonly responseSeconds: Histogram<"route">;
  readonly sentBytes: Counter<"route">;
  readonly droppedConnections: Counter<"reason">;
  readonly limitedRequests: Counter;
};

/** Registers the mirror's metrics. */
export function createMirrorMetrics(registry: Registry): MirrorMetrics {
  const registers = [registry];
  const buckets = [...SECONDS_BUCKETS];
  return {
    requests: new Counter({
      name: "darner_mirror_requests_total",
      help: "Requests answered by the mirror, by what they were about and how the response ended.",
      labelNames: ["route", "outcome"],
      registers,
    }),
    firstByteSeconds: new Histogram({
      name: "darner_mirror_first_byte_seconds",
      help: "From the head of a request to the head of its response.",
      labelNames: ["route"],
      buckets,
      registers,
    }),
    responseSeconds: new Histogram({
      name: "darner_mirror_response_seconds",
      help: "From the head of a request to the last byte of its response.",
      labelNames: ["route"],
      buckets,
      registers,
    }),
    sentBytes: new Counter({
      name: "darner_mirror_sent_bytes_total",
      help: "Body bytes handed to clients.",
      labelNames: ["route"],
      registers,
    }),
    droppedConnections: new Counter({
      name: "darner_mirror_dropped_connections_total",
      help: "Connections closed at once because the mirror, or one client address, had as many as it may have.",
      labelNames: ["reason"],
      registers,
    }),
    limitedRequests: new Counter({
      name: "darner_mirror_limited_requests_total",
      help: "Requests answered 503 because their client address asked more often than it may.",
      registers,
    }),
  };
}
