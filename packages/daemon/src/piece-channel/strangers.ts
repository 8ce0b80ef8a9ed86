import type { Socket } from "node:net";
import { ClientShares, type ClientLimits, type Clock } from "@darner/runtime";

/** Connections that have proven no key yet, counted by the address they come from. Bounded by the connections of the server. */
export class Strangers {
  readonly #shares: ClientShares;
  /** By address and port of the other end: TLS hands out another socket than the one that knocked. */
  readonly #knocking = new Set<string>();

  constructor(limits: ClientLimits, clock: Clock) {
    this.#shares = new ClientShares(limits, clock);
  }

  /** A connection came; whether it may try to prove a key. */
  mayKnock(socket: Socket): boolean {
    const address = socket.remoteAddress ?? "";
    if (!this.#shares.mayAsk(address) || !this.#shares.enter(address)) return false;
    const name = nameOf(socket);
    this.#knocking.add(name);
    socket.once("close", () => {
      this.#leave(name, address);
    });
    return true;
  }

  /** It has proven a key: it is no stranger any more. */
  cameIn(socket: Socket): void {
    this.#leave(nameOf(socket), socket.remoteAddress ?? "");
  }

  #leave(name: string, address: string): void {
    if (this.#knocking.delete(name)) this.#shares.leave(address);
  }
}

function nameOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${String(remotePort)}`;
}
