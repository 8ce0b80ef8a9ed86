import { seededRandom } from "../../e2e/harness/seeded-random.ts";
import { CpuMeter, sum, type CpuTime, type CpuUse } from "./cpu-meter.ts";
import { PullClient } from "./pull-client.ts";
import type { Stage, StagedImage, StageNode } from "./stage.ts";
import type { SwarmCase } from "./swarm-case.ts";

/** How a node gets its image: straight from the registry, or through its mirror. */
export type Way = "straight" | "mirror";

/** One measured pull by one or more nodes. */
export type Measured = {
  /** Each node's own time, shortest first; a node that was to be killed is not among them. */
  readonly seconds: readonly number[];
  readonly ok: boolean;
  readonly trouble: string;
  /** Body bytes of manifests and blobs that left the registry, over those of the image. */
  readonly copies: number;
  /** Requests at the registry that containerd made itself. */
  readonly fallbacks: number;
  readonly cpu: CpuUse;
  /** Processor seconds for each 10^9 bytes of layers that the nodes got. */
  readonly cpuPerGigabyte: number;
};

const SPREAD_SEED = 7;

/** Lets `nodes` pull at once, or spread as the case says, and measures until the last has ended. */
export async function measurePull(
  stage: Stage,
  plan: SwarmCase,
  image: StagedImage,
  nodes: readonly StageNode[],
  way: Way,
  killAfterMs?: number,
): Promise<Measured> {
  const clients = nodes.map((node) => new PullClient(node.host.namespace, stage.pullScript(node, image, way === "straight")));
  const random = seededRandom(SPREAD_SEED);
  const waits = nodes.map((_, at) => (at === 0 ? 0 : random() * plan.joinSpreadMs));
  stage.registry.mark();
  const meter = new CpuMeter(stage.pids);
  const victim = killAfterMs === undefined ? undefined : nodes.at(-1);
  const killing = setTimeout(() => void victim?.mirror.kill(), killAfterMs ?? 0);
  const pulled = await Promise.all(clients.map((client, at) => client.pull(waits[at] ?? 0)));
  clearTimeout(killing);
  const used = pulled.reduce<CpuTime>((all, { cpu }) => sum(all, cpu), { user: 0, system: 0 });
  const cpu = meter.read({ clients: used });
  const counted = victim === undefined ? pulled : pulled.slice(0, -1);
  const { layers, totalBytes, index } = image.built;
  const delivered = nodes.length * layers.reduce((bytes, { size }) => bytes + size, 0);
  return {
    seconds: counted.map(({ seconds }) => seconds).toSorted((left, right) => left - right),
    ok: counted.every(({ ok }) => ok),
    trouble: counted.flatMap(({ ok, trouble }) => (ok ? [] : [trouble])).join("\n"),
    copies: stage.registry.bodyBytes() / (totalBytes + index.size),
    fallbacks: way === "straight" ? 0 : stage.registry.fallbacks().length,
    cpu,
    cpuPerGigabyte: (allOf(cpu) / delivered) * 1e9,
  };
}

/** Everything the machine did. */
function allOf({ parts, elsewhere }: CpuUse): number {
  return Object.values(parts).reduce((seconds, { user, system }) => seconds + user + system, elsewhere);
}
