import { parseReference } from "@darner/domain";
import type { Terminal } from "../src/command.ts";
import { ownPlatform } from "../src/image/own-platform.ts";
import { MirrorClient } from "../src/image/mirror-client.ts";
import { pullImage } from "../src/image/pull-image.ts";
import { statusOf, type DemoCluster, type DemoNode, type NodeBytes } from "./demo-cluster.ts";
import { LiveView } from "./live-view.ts";
import type { Screen } from "./screen.ts";

/** What one node did in a round. */
export type NodeResult = {
  readonly name: string;
  readonly bytes: NodeBytes;
  readonly seconds: number;
  /** Why its pull failed; undefined where every digest was right. */
  readonly problem: string | undefined;
};

/** What a round came to. */
export type RoundResult = { readonly nodes: readonly NodeResult[]; readonly registryBytes: number };

// Ten times a second: smooth to the eye, and nothing to a daemon.
const LOOK_MS = 100;
const SILENT: Terminal = { out: () => undefined, err: () => undefined, live: false, columns: 80 };

/** Lets some nodes pull the image at once, each through its own mirror, and shows how far they are. */
export async function runRound(
  screen: Screen,
  cluster: DemoCluster,
  nodes: readonly DemoNode[],
  signal: AbortSignal,
): Promise<RoundResult> {
  const view = new LiveView(
    screen,
    cluster,
    nodes.map(({ name }) => name),
  );
  const before = await bytesOf(cluster.nodes, signal);
  const sentBefore = cluster.registry.bodyBytes();
  const look = async (): Promise<ReadonlyMap<string, NodeBytes>> => {
    const now = since(before, await bytesOf(cluster.nodes, signal));
    view.show(now, cluster.registry.bodyBytes() - sentBefore);
    return now;
  };
  const pulls = Promise.all(nodes.map((node) => pull(cluster, node, signal)));
  const looking = new AbortController();
  const watched = watch(look, looking.signal);
  const outcomes = await pulls;
  looking.abort();
  await watched;
  signal.throwIfAborted();
  const bytes = await look();
  const results = nodes.map(({ name }, index) => ({
    name,
    bytes: bytes.get(name) ?? NOTHING,
    ...(outcomes[index] ?? { seconds: 0, problem: "not pulled" }),
  }));
  return { nodes: results, registryBytes: cluster.registry.bodyBytes() - sentBefore };
}

const NOTHING: NodeBytes = { source: 0, parent: 0, disk: 0, uploaded: 0 };

/** One node's pull, as a client of its mirror that checks every digest itself. */
async function pull(
  { imageName, image }: DemoCluster,
  { mirror }: DemoNode,
  signal: AbortSignal,
): Promise<{ seconds: number; problem: string | undefined }> {
  const startedMs = performance.now();
  const seconds = (): number => (performance.now() - startedMs) / 1000;
  const reference = parseReference(imageName);
  if (reference === undefined) return { seconds: 0, problem: `${imageName} is no image reference` };
  try {
    const client = new MirrorClient(mirror, signal);
    const pulled = await pullImage({
      reference,
      client,
      layout: undefined,
      platform: ownPlatform(),
      allPlatforms: false,
      terminal: SILENT,
    });
    return {
      seconds: seconds(),
      problem: pulled.digest === image.index.digest ? undefined : `it got ${pulled.digest}, not ${image.index.digest}`,
    };
  } catch (error) {
    return { seconds: seconds(), problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Looks again and again until told to stop; a look that fails is only a look that was missed. */
async function watch(look: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await look().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function bytesOf(nodes: readonly DemoNode[], signal: AbortSignal): Promise<Map<string, NodeBytes>> {
  const statuses = await Promise.all(nodes.map(async (node) => [node.name, (await statusOf(node, signal)).bytes] as const));
  return new Map(statuses);
}

function since(before: ReadonlyMap<string, NodeBytes>, now: ReadonlyMap<string, NodeBytes>): Map<string, NodeBytes> {
  return new Map(
    [...now].map(([name, { source, parent, disk, uploaded }]) => {
      const then = before.get(name) ?? NOTHING;
      return [
        name,
        { source: source - then.source, parent: parent - then.parent, disk: disk - then.disk, uploaded: uploaded - then.uploaded },
      ];
    }),
  );
}
