import { connect, createServer, type Socket } from "node:net";
import { formatAddress, listenServer } from "@darner/runtime";
import { openP2pNode } from "./p2p-node.ts";
import type { P2pConfig, P2pDeps, P2pNode } from "./p2p.ts";

// Where libp2p itself listens once it is loaded: on loopback, behind the door that was open before.
const BEHIND = "127.0.0.1:0";
// Connections that knock while libp2p loads; more are closed, and may come again.
const MAX_KNOCKING = 64;

/**
 * A node whose door is open at once and which loads libp2p only when somebody comes through it, or when it is to ask somebody:
 * an idle daemon with a scheduler needs none of its 50 MB. Connections are passed through as they are; both ends prove
 * their keys to each other over them as ever.
 */
export async function openOnDemandNode(config: P2pConfig, deps: P2pDeps): Promise<P2pNode> {
  let node: Promise<P2pNode> | undefined;
  const loaded = (): Promise<P2pNode> => (node ??= openP2pNode({ ...config, listen: BEHIND }, deps));
  const open = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    track(open, socket);
    loaded().then(
      ({ address }) => {
        passThrough(open, socket, address);
      },
      (error: unknown) => {
        deps.log.error("libp2p could not be loaded", { error });
        socket.destroy();
      },
    );
  });
  server.maxConnections = config.limits?.maxConnections ?? MAX_KNOCKING;
  const address = formatAddress(await listenServer(server, config.listen, "listen.p2p"));
  return {
    address,
    askStatus: async (target, timeoutMs) => (await loaded()).askStatus(target, timeoutMs),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
      await (await node?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}

function passThrough(open: Set<Socket>, outside: Socket, address: string): void {
  if (outside.destroyed) return;
  const colon = address.lastIndexOf(":");
  const inside = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
  track(open, inside);
  outside.pipe(inside);
  inside.pipe(outside);
  outside.on("close", () => {
    inside.destroy();
  });
  inside.on("close", () => {
    outside.destroy();
  });
}

/** Keeps a socket among those that the end of the node closes. What goes wrong on it ends it, and libp2p notices by itself. */
function track(open: Set<Socket>, socket: Socket): void {
  open.add(socket);
  socket.on("error", () => {
    socket.destroy();
  });
  socket.on("close", () => {
    open.delete(socket);
  });
}
