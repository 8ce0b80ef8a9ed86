import { fileURLToPath } from "node:url";
import {
  credentials,
  loadPackageDefinition,
  status,
  type Client,
  type GrpcObject,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** What a container runtime says it is. */
export type RuntimeVersion = { readonly name: string; readonly version: string };

/** A container runtime at its socket (CRI v1). */
export type CriClient = Disposable & {
  /** Undefined where nobody answers as a runtime. */
  version(): Promise<RuntimeVersion | undefined>;
  /** Asks for an image; resolves when the runtime has it, or has said why not. */
  pull(image: string): Promise<"pulled" | "refused" | "unreachable">;
};

/** How long a pull may take. */
export type CriOptions = { readonly pullMs?: number };

type Unary = (request: object, options: { deadline: number }, done: (error: ServiceError | null, answer: unknown) => void) => void;

const PROTO_FILE = fileURLToPath(new URL("../../../../proto/cri/runtime.proto", import.meta.url));
// A runtime that runs answers in milliseconds.
const VERSION_MS = 2000;
// A name that nobody has is refused within tens of milliseconds; a node under load takes longer.
const PULL_MS = 20_000;

/** Opens a client of the runtime at a unix socket; connects when it is first asked. */
export function openCri(socket: string, { pullMs = PULL_MS }: CriOptions = {}): CriClient {
  const root = loadPackageDefinition(loadSync(PROTO_FILE, { keepCase: true, defaults: true }));
  const services = (root["runtime"] as GrpcObject)["v1"] as GrpcObject;
  const open = (name: string): Client => new (services[name] as ServiceClientConstructor)(`unix:${socket}`, credentials.createInsecure());
  const [runtime, images] = [open("RuntimeService"), open("ImageService")];
  return {
    version: async () => {
      const answer = await ask(runtime, "Version", {}, VERSION_MS);
      if (answer.error !== undefined) return undefined;
      const { runtime_name: name, runtime_version: version } = answer.value as { runtime_name: string; runtime_version: string };
      return { name, version };
    },
    pull: async (image) => {
      const { error } = await ask(images, "PullImage", { image: { image } }, pullMs);
      if (error === undefined) return "pulled";
      return error === status.UNAVAILABLE || error === status.UNIMPLEMENTED || error === status.DEADLINE_EXCEEDED
        ? "unreachable"
        : "refused";
    },
    [Symbol.dispose]: () => {
      runtime.close();
      images.close();
    },
  };
}

function ask(
  client: Client,
  method: string,
  request: object,
  ms: number,
): Promise<{ error: status } | { error: undefined; value: unknown }> {
  const { promise, resolve } = Promise.withResolvers<{ error: status } | { error: undefined; value: unknown }>();
  const call = (client as unknown as Record<string, Unary>)[method];
  call?.call(client, request, { deadline: Date.now() + ms }, (error, value) => {
    resolve(error === null ? { error: undefined, value } : { error: error.code });
  });
  return promise;
}
