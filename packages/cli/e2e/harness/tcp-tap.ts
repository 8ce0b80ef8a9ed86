import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

// What a test sends through a tap is tens of MiB; a tap that takes more records a story nobody wants to search.
const MAX_RECORDED_BYTES = 256 * 1024 * 1024;

/** A wire with a recorder: passes every connection on to another address and keeps what went either way. */
export class TcpTap implements AsyncDisposable {
  readonly #server: Server;
  readonly #chunks: Buffer[] = [];
  readonly #sockets = new Set<Socket>();
  #bytes = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens at `listen` and passes on to `to`; both are `host:port`. */
  static async open(listen: string, to: string): Promise<TcpTap> {
    const server = createServer();
    const tap = new TcpTap(server);
    server.on("connection", (near) => {
      const far = connect(placeOf(to));
      tap.#join(near, far);
      tap.#join(far, near);
    });
    server.listen(placeOf(listen));
    await once(server, "listening");
    return tap;
  }

  /** Where it listens. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${String(port)}`;
  }

  /** Everything that went through, in the order it came. */
  recorded(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("data", (chunk) => {
      this.#bytes += chunk.length;
      if (this.#bytes <= MAX_RECORDED_BYTES) this.#chunks.push(chunk);
      to.write(chunk);
    });
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}

function placeOf(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
