import type { P2pConfig, P2pDeps, P2pNode } from "./p2p.ts";

/** Opens the node. libp2p is loaded now and not before: it costs 0.4 s and 50 MB. */
export async function openP2pNode(config: P2pConfig, deps: P2pDeps, signal?: AbortSignal): Promise<P2pNode> {
  const { startLibp2pNode } = await import("./libp2p-node.ts");
  signal?.throwIfAborted();
  return startLibp2pNode(config, deps);
}
