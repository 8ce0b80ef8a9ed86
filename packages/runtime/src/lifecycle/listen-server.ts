import { once } from "node:events";
import type { Server } from "node:net";
import { formatAddress, parseListen } from "../listen-address.ts";
import type { ListenAddress } from "../listen-address.ts";
import { StartError } from "../start-error.ts";

/**
 * Lets a server (net, tls, http) listen at `host:port` and says where it really does, a port 0 resolved.
 * `key` is the configuration's key, for the message. Rejects with `StartError`.
 */
export async function listenServer(server: Server, listen: string, key: string): Promise<ListenAddress> {
  const address = parseListen(listen);
  if (address === undefined) throw listenError(undefined, listen, key);
  try {
    // Rejects with the server's "error".
    const listening = once(server, "listening");
    server.listen({ host: address.host, port: address.port });
    await listening;
  } catch (error) {
    throw listenError(error, listen, key);
  }
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? { host: bound.address, port: bound.port } : address;
}

/** Says in words why one cannot listen at `listen`, from the system's error; also for servers that listen by other means (gRPC, libp2p). */
export function listenError(cause: unknown, listen: string, key: string): StartError {
  const address = formatOrText(listen);
  const where = `address ${address} (${key})`;
  switch (systemCode(cause) ?? "") {
    case "EADDRINUSE":
      return new StartError({ code: "address-in-use", address, key }, `${where} is in use by another process: stop it or set ${key}`, {
        cause,
      });
    case "EACCES":
    case "EPERM":
      return new StartError(
        { code: "address-denied", address, key },
        `${where} may not be listened at by this user: set ${key} to a port from 1024 on, or give the process the right to it`,
        { cause },
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new StartError(
        { code: "address-not-here", address, key },
        `${where} is not an address of this machine: set ${key} to one, or to 0.0.0.0 for all of them`,
        { cause },
      );
    default:
      return new StartError({ code: "listen-failed", address, key }, `${where} cannot be listened at: ${reasonOf(cause)}`, { cause });
  }
}

function formatOrText(listen: string): string {
  const address = parseListen(listen);
  return address === undefined ? listen : formatAddress(address);
}

/** Node's code of a system error; libraries that wrap one keep it in the message. */
function systemCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return (
    (cause as NodeJS.ErrnoException).code?.match(/^E[A-Z_]+$/)?.[0] ?? /\bE(?:ADDRINUSE|ADDRNOTAVAIL|ACCES|PERM)\b/.exec(cause.message)?.[0]
  );
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : "it is not host:port";
}
