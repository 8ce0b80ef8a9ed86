import { logVerbosity, Server, ServerCredentials, setLogVerbosity, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { loadSchedulerService, SESSION_CHANNEL_OPTIONS } from "@darner/protocol";
import { listenError, type Timers } from "@darner/runtime";
import { Session, type SessionCall, type SessionListener } from "./session.ts";

/** A listening gRPC server; `address` is where it really listens (a port 0 resolved). */
export type SessionServer = AsyncDisposable & { readonly address: string };

/** Opens the gRPC side of a scheduler. Rejects with `StartError` where the address cannot be had. */
export async function openSessionServer(listen: string, listener: SessionListener, timers: Timers): Promise<SessionServer> {
  // What goes wrong is in its errors; it would print a line of its own as well.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server(SESSION_CHANNEL_OPTIONS);
  const implementation: UntypedServiceImplementation = {
    Session: (call: SessionCall) => new Session(call, listener, timers),
  };
  server.addService(loadSchedulerService().definition, implementation);
  const port = await bind(server, listen);
  return {
    address: `${listen.slice(0, listen.lastIndexOf(":"))}:${String(port)}`,
    async [Symbol.asyncDispose]() {
      // Sessions last as long as their daemons: a graceful shutdown would wait for all of them.
      server.forceShutdown();
      await Promise.resolve();
    },
  };
}

function bind(server: Server, listen: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(listen, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(listenError(error, listen, "listen.grpc"));
    });
  });
}
