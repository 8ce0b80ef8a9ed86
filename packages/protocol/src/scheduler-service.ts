import { fileURLToPath } from "node:url";
import {
  loadPackageDefinition,
  type Client,
  type ClientDuplexStream,
  type GrpcObject,
  type ServiceClientConstructor,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { WireObject } from "./wire.ts";

/** The stream of a session as a daemon sees it. */
export type SessionStream = ClientDuplexStream<WireObject, unknown>;

/** The gRPC stub of a scheduler. */
export type SchedulerStub = Client & { Session(): SessionStream };

const PROTO_FILE = new URL("../../../proto/darner/v1/session.proto", import.meta.url);

// Field names stay as they are in the .proto, 64-bit numbers are plain numbers (checked to be exact in wire.ts), a oneof names its member, and what was left out reads as zero.
const LOAD_OPTIONS = { keepCase: true, longs: Number, defaults: true, oneofs: true, arrays: true } as const;

/** Loads the service of `proto/darner/v1/session.proto`: the definition for a server and the constructor of stubs. */
export function loadSchedulerService(): LoadedService {
  return loadService(PROTO_FILE, "Scheduler");
}

/** A service as a file of `proto/darner/v1` defines it. */
export type LoadedService = { readonly definition: ServiceDefinition; readonly Stub: ServiceClientConstructor };

/** Loads a service of a file in `proto/darner/v1`. */
export function loadService(file: URL, name: string): LoadedService {
  const root = loadPackageDefinition(loadSync(fileURLToPath(file), LOAD_OPTIONS));
  const Stub = ((root["darner"] as GrpcObject)["v1"] as GrpcObject)[name] as ServiceClientConstructor;
  return { definition: Stub.service, Stub };
}

// A holding is up to 33 KiB (a bitmap of 262,144 pieces), a table up to 8 MiB: 16 MiB takes every single item, and hosts send long lists in parts.
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Channel options both ends use: signs of life every 2 s, a dead peer is noticed within 5 s. */
export const SESSION_CHANNEL_OPTIONS: Readonly<Record<string, number>> = {
  "grpc.keepalive_time_ms": 2000,
  "grpc.keepalive_timeout_ms": 3000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  // A scheduler that came back is to be found within a second, also after a long absence.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1000,
  "grpc.use_local_subchannel_pool": 1,
};
