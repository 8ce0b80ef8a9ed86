import { logVerbosity, Server, ServerCredentials, setLogVerbosity, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { loadSchedulerService, SESSION_CHANNEL_OPTIONS } from "@darner/protocol";
import { listenError, type Secret } from "@darner/runtime";
import { hostOf } from "./reachable-address.ts";
import { Session, type SessionCall, type SessionDeps, type SessionListener } from "./session.ts";
import { SessionGate } from "./session-gate.ts";
import { Slices } from "./slices.ts";
import type { GrpcService } from "./sibling-server.ts";

/** A listening gRPC server; `address` is where it really listens (a port 0 resolved). */
export type SessionServer = AsyncDisposable & { readonly address: string };

/** The key that a scheduler proves in the TLS handshake: the cluster's signing key, with a certificate of its own. */
export type SessionTls = { readonly privateKeyPem: Secret; readonly certificatePem: string };

/** Where and how it listens, without `tls` plain, for loopback; and what else is served there. */
export type SessionServerConfig = { readonly listen: string; readonly tls?: SessionTls; readonly services?: readonly GrpcService[] };

/** Opens the gRPC side of a scheduler. Rejects with `StartError` where the address cannot be had. */
export async function openSessionServer(
  { listen, tls, services = [] }: SessionServerConfig,
  parts: Omit<SessionDeps, "slices">,
  gate: SessionGate = new SessionGate(),
): Promise<SessionServer> {
  const deps = { ...parts, slices: new Slices(parts.timers) };
  // What goes wrong is in its errors; it would print a line of its own as well.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server(SESSION_CHANNEL_OPTIONS);
  const implementation: UntypedServiceImplementation = {
    Session: (call: SessionCall) => {
      openSession(call, deps, gate);
    },
  };
  server.addService(loadSchedulerService().definition, implementation);
  for (const service of services) server.addService(service.definition, service.implementation);
  const port = await bind(server, listen, credentialsOf(tls));
  return {
    address: `${listen.slice(0, listen.lastIndexOf(":"))}:${String(port)}`,
    async [Symbol.asyncDispose]() {
      // Sessions last as long as their daemons: a graceful shutdown would wait for all of them.
      server.forceShutdown();
      await Promise.resolve();
    },
  };
}

/** Lets a session in, or tells it why not. */
function openSession(call: SessionCall, deps: SessionDeps, gate: SessionGate): void {
  const address = hostOf(call.getPeer());
  const objection = gate.objection(address);
  gate.enter(address);
  const session = new Session(call, { ...deps, listener: gated(deps.listener, gate, address) });
  if (objection === "crowded") session.end("crowded", `too many sessions come from ${address}`);
  if (objection === "full") session.end("full", "too many sessions have not said hello yet");
}

/** A listener behind the gate: it counts who says hello and who leaves. */
function gated(listener: SessionListener, gate: SessionGate, address: string): SessionListener {
  return {
    onHello: (session, hello) => {
      gate.greeted();
      listener.onHello(session, hello);
    },
    onMessage: (session, message) => {
      listener.onMessage(session, message);
    },
    onSlowed: (session) => {
      listener.onSlowed(session);
    },
    onRefused: (session, end, details) => {
      listener.onRefused(session, end, details);
    },
    onEnd: (session) => {
      gate.leave(address, session.host !== undefined);
      listener.onEnd(session);
    },
  };
}

/** Hosts prove their keys inside the session: a certificate of theirs would have to be signed by somebody to get through grpc-js. */
function credentialsOf(tls: SessionTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  return new SigningKeyCredentials(tls);
}

class SigningKeyCredentials extends ServerCredentials {
  constructor({ privateKeyPem, certificatePem }: SessionTls) {
    super({ minVersion: "TLSv1.3" }, { key: privateKeyPem.reveal(), cert: certificatePem, minVersion: "TLSv1.3" });
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function bind(server: Server, listen: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(listen, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(listenError(error, listen, "listen.grpc"));
    });
  });
}
