import { Server, ServerCredentials, type ServerDuplexStream, type UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  loadSchedulerService,
  readHostMessage,
  SESSION_CHANNEL_OPTIONS,
  writeSchedulerMessage,
  type HostMessage,
  type SchedulerMessage,
  type WireObject,
} from "@darner/protocol";

type Call = ServerDuplexStream<unknown, WireObject>;

/** One session as a scripted scheduler sees it. */
export class ScriptedSession {
  readonly messages: HostMessage[] = [];
  readonly #call: Call;
  ended = false;

  constructor(call: Call) {
    this.#call = call;
    call.on("data", (value: unknown) => {
      this.messages.push(readHostMessage(value));
    });
    for (const event of ["end", "cancelled", "error"]) {
      call.on(event, () => {
        this.ended = true;
        call.end();
      });
    }
  }

  say(message: Partial<SchedulerMessage>): void {
    this.#call.write(writeSchedulerMessage(message));
  }

  /** Says something as it is, right or wrong. */
  sayRaw(message: WireObject): void {
    this.#call.write(message);
  }

  /** Reads nothing more. */
  pause(): void {
    this.#call.pause();
  }

  end(): void {
    this.#call.end();
  }
}

/** A scheduler that greets, or not, and says what a test wants, over real gRPC on loopback. */
export class ScriptedScheduler implements AsyncDisposable {
  readonly sessions: ScriptedSession[] = [];
  readonly #server: Server;
  readonly address: string;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
  }

  /** Opens one; at a port, where one is given, that an earlier one had. */
  static async open(name = "s", port = 0): Promise<ScriptedScheduler> {
    const server = new Server(SESSION_CHANNEL_OPTIONS);
    const opened: { scheduler?: ScriptedScheduler } = {};
    const implementation: UntypedServiceImplementation = {
      Session: (call: Call) => {
        const session = new ScriptedSession(call);
        opened.scheduler?.sessions.push(session);
        if (name !== "") session.say({ welcome: { scheduler: name, version: "0" } });
      },
    };
    server.addService(loadSchedulerService().definition, implementation);
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${String(port)}`, ServerCredentials.createInsecure(), (error, at) => {
        if (error === null) resolve(at);
        else reject(error);
      });
    });
    opened.scheduler = new ScriptedScheduler(server, `127.0.0.1:${String(bound)}`);
    return opened.scheduler;
  }

  /** The last session; fails where there was none. */
  get session(): ScriptedSession {
    const last = this.sessions.at(-1);
    if (last === undefined) throw new Error("no session yet");
    return last;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    return Promise.resolve();
  }
}
