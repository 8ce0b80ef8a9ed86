import { fileURLToPath } from "node:url";
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  status,
  type Client,
  type GrpcObject,
  type ServiceClientConstructor,
  type ServiceDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** What containerd has begun to write into its content store and not committed, and the one thing that is done with it. Every call rejects with the error of gRPC. */
export type ContentClient = Disposable & {
  /** The names of the ingests of a namespace. */
  ingests(namespace: string, deadline: number): Promise<readonly string[]>;
  /** Takes an ingest away; false where it was gone already. */
  abort(namespace: string, ref: string, deadline: number): Promise<boolean>;
};

type Unary = (
  request: object,
  metadata: Metadata,
  options: { deadline: number },
  done: (error: ServiceError | null, answer: unknown) => void,
) => void;

const PROTO_FILE = fileURLToPath(new URL("../../../../proto/containerd/content.proto", import.meta.url));

/** Loads the service of `proto/containerd/content.proto`: the definition for a server and the constructor of stubs. */
export function loadContentService(): { readonly definition: ServiceDefinition; readonly Stub: ServiceClientConstructor } {
  const root = loadPackageDefinition(loadSync(PROTO_FILE, { keepCase: true, longs: Number, defaults: true, arrays: true }));
  const services = ["containerd", "services", "content", "v1"].reduce((at, name) => at[name] as GrpcObject, root);
  const Stub = services["Content"] as ServiceClientConstructor;
  return { definition: Stub.service, Stub };
}

/** Opens a client of the containerd at a unix socket; connects when it is first asked. */
export function openContentClient(socket: string): ContentClient {
  const client = new (loadContentService().Stub)(`unix:${socket}`, credentials.createInsecure());
  return {
    ingests: async (namespace, deadline) => {
      const answer = (await ask(client, "ListStatuses", {}, namespace, deadline)) as { statuses: readonly { ref: string }[] };
      return answer.statuses.map(({ ref }) => ref);
    },
    abort: async (namespace, ref, deadline) => {
      try {
        await ask(client, "Abort", { ref }, namespace, deadline);
        return true;
      } catch (error) {
        if ((error as ServiceError).code === status.NOT_FOUND) return false;
        throw error;
      }
    },
    [Symbol.dispose]: () => {
      client.close();
    },
  };
}

function ask(client: Client, method: string, request: object, namespace: string, deadline: number): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const metadata = new Metadata();
  metadata.set("containerd-namespace", namespace);
  const call = (client as unknown as Record<string, Unary>)[method];
  call?.call(client, request, metadata, { deadline }, (error, answer) => {
    if (error === null) resolve(answer);
    else reject(error);
  });
  return promise;
}
