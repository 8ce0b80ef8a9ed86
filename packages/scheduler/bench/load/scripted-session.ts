import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { proveHost, type OwnKey } from "@darner/membership";
import type { HostId } from "@darner/domain";
import type { Join } from "@darner/protocol";
import { parseListen, Secret } from "@darner/runtime";
import { opening } from "./frames.ts";
import { framed, SESSION_PATH } from "./script.ts";
import { tell, type Told, type ToldGrant } from "./told.ts";
import { WireSession } from "./wire-session.ts";

/** Where only members are let in: what a host shows. */
export type Ticket = { readonly signingKey: Uint8Array; readonly tokenId: string; readonly tokenSecret: string };

/** A host of the script; its key counts where only members are let in. */
export type ScriptedHost = { readonly host: HostId; readonly key: Pick<OwnKey, "sign"> };

/** A session with the scheduler, of a host that says what a script wants. */
export class ScriptedSession implements Told {
  readonly #wire: WireSession;
  readonly #as: ScriptedHost;
  readonly #ticket: Ticket | undefined;
  onGrant: (grant: ToldGrant) => void = () => undefined;
  /** Settled when the scheduler greets. */
  readonly welcome: Promise<void>;
  #greeted: () => void = () => undefined;
  messages = 0;
  orders = 0;

  private constructor(socket: Socket, authority: string, as: ScriptedHost, ticket: Ticket | undefined) {
    this.#as = as;
    this.#ticket = ticket;
    this.welcome = new Promise((resolve) => (this.#greeted = resolve));
    this.#wire = new WireSession(socket, opening(SESSION_PATH, authority, ticket === undefined ? "http" : "https"), (message) => {
      this.messages += 1;
      tell(message, this);
    });
    // Where only members are let in the scheduler speaks first.
    if (ticket === undefined) this.#hello();
  }

  /** Connects, plain or by TLS as a daemon does, and says hello. */
  static async open(address: string, as: ScriptedHost, ticket: Ticket | undefined): Promise<ScriptedSession> {
    const where = parseListen(address);
    if (where === undefined) throw new Error(`no address: ${address}`);
    const { host, port } = where;
    // Whose certificate it is, is not what is measured.
    const tls = { host, port, ALPNProtocols: ["h2"], minVersion: "TLSv1.3", rejectUnauthorized: false } as const;
    const socket = ticket === undefined ? connectPlain({ host, port }) : connectTls(tls);
    await once(socket, ticket === undefined ? "connect" : "secureConnect");
    socket.setNoDelay(true);
    return new ScriptedSession(socket, address, as, ticket);
  }

  get host(): HostId {
    return this.#as.host;
  }

  get ended(): string | undefined {
    return this.#wire.ended;
  }

  send(frames: Buffer): void {
    this.#wire.send(frames);
  }

  ping(nowMs: number): void {
    this.#wire.ping(nowMs);
  }

  onWelcome(): void {
    this.#greeted();
  }

  onChallenge(challenge: Buffer): void {
    const ticket = this.#ticket;
    if (ticket === undefined) return;
    this.#hello({
      proof: proveHost(challenge, ticket.signingKey, this.#as.key),
      credential: { type: "token", id: ticket.tokenId, secret: new Secret(ticket.tokenSecret) },
      listHeads: [],
      denialsDigest: new Uint8Array(0),
    });
  }

  onOrder(): void {
    this.orders += 1;
  }

  [Symbol.dispose](): void {
    this.#wire[Symbol.dispose]();
  }

  #hello(join?: Join): void {
    const hello = { host: this.#as.host, address: "10.0.0.1:4102", zone: "", seed: false, version: "0", name: "scripted" };
    this.send(framed({ hello: { ...hello, ...(join === undefined ? {} : { join }) } }));
  }
}
