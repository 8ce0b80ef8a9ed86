import type { Books } from "../books.ts";
import type { DaemonMetrics } from "../metrics.ts";
import type { ObserveChannel } from "../piece-channel/channel-event.ts";

/** Books what happens on the piece channel: the only place where channel and metrics meet. */
export function channelBooks(books: Books, metrics: DaemonMetrics): ObserveChannel {
  return (event) => {
    switch (event.type) {
      case "connection-opened":
        metrics.channelConnections.inc({ side: event.side });
        return;
      case "connection-closed":
        metrics.channelConnections.dec({ side: event.side });
        return;
      case "connection-refused":
        metrics.channelRefusals.inc({ side: event.side, reason: event.reason });
        return;
      case "request-refused":
        metrics.channelRequestsRefused.inc({ reason: event.reason });
        return;
      case "bytes-sent":
        books.uploaded(event.bytes);
        return;
      case "bytes-received":
        if (!event.wanted) metrics.unwantedBytes.inc(event.bytes);
    }
  };
}
