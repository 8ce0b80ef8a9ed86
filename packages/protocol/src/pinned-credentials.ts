import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { CallCredentials, ChannelCredentials } from "@grpc/grpc-js";

type Connector = ReturnType<ChannelCredentials["_createSecureConnector"]>;

/** TLS 1.3 with whoever proves the right key, by a certificate that nobody need have signed: nothing is sent to anybody else. */
export class PinnedCredentials extends ChannelCredentials {
  readonly #isRightKey: (certificate: X509Certificate) => boolean;
  readonly #onWrongKey: () => void;

  constructor(isRightKey: (certificate: X509Certificate) => boolean, onWrongKey: () => void) {
    super();
    this.#isRightKey = isRightKey;
    this.#onWrongKey = onWrongKey;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(): Connector {
    const callCredentials = CallCredentials.createEmpty();
    return {
      connect: (socket) => this.#connect(socket),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy() {},
    };
  }

  #connect(socket: Socket): ReturnType<Connector["connect"]> {
    return new Promise((resolve, reject) => {
      // Who is there is checked below: the key alone counts, no name and no authority.
      const secure = connect({ socket, ALPNProtocols: ["h2"], minVersion: "TLSv1.3", rejectUnauthorized: false }, () => {
        if (this.#isRight(secure)) {
          resolve({ socket: secure, secure: true });
          return;
        }
        this.#onWrongKey();
        reject(new Error("the scheduler has another signing key"));
        secure.destroy();
      });
      secure.on("error", reject);
      secure.once("close", () => {
        reject(new Error("the connection ended in the handshake"));
      });
    });
  }

  #isRight(socket: TLSSocket): boolean {
    const certificate = socket.getPeerX509Certificate();
    return certificate !== undefined && this.#isRightKey(certificate);
  }
}
