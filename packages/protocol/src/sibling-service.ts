import type { Client, ClientDuplexStream } from "@grpc/grpc-js";
import { loadService, type LoadedService } from "./scheduler-service.ts";
import type { WireObject } from "./wire.ts";

const PROTO_FILE = new URL("../../../proto/darner/v1/siblings.proto", import.meta.url);

/** One question as the scheduler that asks sees it. */
export type SiblingStream = ClientDuplexStream<WireObject, unknown>;

/** The gRPC stub of another scheduler of the cluster. */
export type SiblingStub = Client & { Ask(options: { readonly deadline?: number }): SiblingStream };

/** Loads the service of `proto/darner/v1/siblings.proto`: the definition for a server and the constructor of stubs. */
export function loadSiblingService(): LoadedService {
  return loadService(PROTO_FILE, "Siblings");
}
