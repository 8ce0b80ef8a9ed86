import { credentials, status, type ServiceError } from "@grpc/grpc-js";
import { hostIdOf, type HostId } from "@darner/domain";
import {
  loadSchedulerService,
  readSchedulerMessage,
  SESSION_CHANNEL_OPTIONS,
  writeHostMessage,
  type Hello,
  type HostMessage,
  type PublicFact,
  type SchedulerMessage,
  type SchedulerStub,
  type SessionStream,
  type TaskOrder,
  type WireObject,
} from "@darner/protocol";

/** A host id for a test. */
export function hostNamed(letter: string): HostId {
  return hostIdOf(`12D3KooW${letter.repeat(44)}`);
}

/** What a daemon says first. */
export function helloOf(letter: string, address = `10.0.0.1:41${String(letter.charCodeAt(0))}`): Hello {
  return { host: hostNamed(letter), address, zone: "", seed: false, version: "0", name: letter };
}

/** A daemon that says what a test wants it to say, over real gRPC. */
export class ScriptedDaemon implements Disposable {
  readonly messages: SchedulerMessage[] = [];
  /** Told of every message in place of `messages` being kept. */
  onMessage: ((message: SchedulerMessage) => void) | undefined;
  #welcome = false;
  readonly #stub: SchedulerStub;
  readonly #stream: SessionStream;
  /** How the session ended; undefined while it stands. */
  ended: { readonly status: string; readonly details: string } | undefined;

  /** With `maxSendBytes` -1 its messages may be of any size. */
  constructor(address: string, maxSendBytes?: number) {
    const { Stub } = loadSchedulerService();
    const options = { ...SESSION_CHANNEL_OPTIONS, ...(maxSendBytes === undefined ? {} : { "grpc.max_send_message_length": maxSendBytes }) };
    this.#stub = new Stub(address, credentials.createInsecure(), options) as unknown as SchedulerStub;
    this.#stream = this.#stub.Session();
    this.#stream.on("data", (value: unknown) => {
      const message = readSchedulerMessage(value);
      if (message.welcome !== undefined) this.#welcome = true;
      if (this.onMessage === undefined) this.messages.push(message);
      else this.onMessage(message);
    });
    this.#stream.on("error", (error: ServiceError) => {
      this.ended = { status: status[error.code], details: error.details };
    });
    this.#stream.on("end", () => {
      this.ended ??= { status: "OK", details: "" };
    });
  }

  say(message: Partial<HostMessage>): void {
    this.#stream.write(writeHostMessage(message));
  }

  /** Says something as it is, right or wrong. */
  sayRaw(message: WireObject): void {
    this.#stream.write(message);
  }

  /** Reads nothing more, as a daemon that hangs. */
  pause(): void {
    this.#stream.pause();
  }

  /** Ends its side well. */
  end(): void {
    this.#stream.end();
  }

  /** What it was told of public repositories. */
  get facts(): PublicFact[] {
    return this.messages.flatMap(({ publicFacts = [] }) => publicFacts);
  }

  get isWelcome(): boolean {
    return this.#welcome;
  }

  get orders(): TaskOrder[] {
    return this.messages.flatMap(({ orders }) => orders);
  }

  [Symbol.dispose](): void {
    this.#stream.cancel();
    this.#stub.close();
  }
}
