import { connect, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { HostId } from "@darner/domain";
import type { ListenAddress } from "@darner/runtime";
import type { Identity } from "../identity/identity.ts";
import type { ChannelEncryption } from "./channel-event.ts";
import { remoteHost, tlsOfChild } from "./channel-tls.ts";

/** What a dialled socket tells. */
export type Dialled = {
  /** Takes the bytes; see `onread` of Node's sockets. */
  readonly onread: OnReadOpts;
  /** The connection stands. `host`: who is there, as TLS has proven; undefined without TLS (the bytes will prove it) or where TLS proved nobody. */
  readonly connected: (host: HostId | undefined) => void;
  readonly closed: () => void;
};

// As on the parent's side: a dead parent shows within seconds, a silent one earlier by its missing signs of life.
const KEEP_ALIVE_MS = 15_000;

/** Dials a parent. Bytes go straight to `onread`; the socket emits no `data`. */
export function dial(at: ListenAddress, encryption: ChannelEncryption, identity: Identity, dialled: Dialled): Socket {
  const options = { ...at, onread: dialled.onread, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  let socket: Socket;
  if (encryption === "none") {
    socket = connect(options, () => {
      dialled.connected(undefined);
    });
  } else {
    const secure = connectTls({ ...tlsOfChild(identity), ...options }, () => {
      dialled.connected(remoteHost(secure));
    });
    socket = secure;
  }
  // Why it failed does not matter to the child: `close` follows.
  socket.on("error", () => {});
  socket.once("end", () => socket.destroy());
  socket.once("close", dialled.closed);
  return socket;
}
