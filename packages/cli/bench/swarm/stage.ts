import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildImage, type BuiltImage } from "@darner/testkit";
import { Containerd } from "../../e2e/harness/containerd.ts";
import { MIRROR } from "../../e2e/harness/darner-node.ts";
import { DockerRegistry } from "../../e2e/harness/docker-registry.ts";
import { Network, type NetworkHost } from "../../e2e/harness/network.ts";
import { Running } from "../../e2e/harness/running.ts";
import { run, until } from "../../e2e/harness/shell.ts";
import { endChildren } from "./interruption.ts";
import { openCommandMirror, openDarner, type MirrorKind, type NodeMirror } from "./mirror.ts";
import { plainPull, quoted } from "./pull-client.ts";
import type { SwarmCase } from "./swarm-case.ts";

const LIMIT_DOOR = fileURLToPath(new URL("./connection-limit.ts", import.meta.url));
const LIMITED_PORT = 5001;
// Machines of a control plane have links that nothing here waits for.
const CONTROL_RATE = 1_000_000_000;
const REPOSITORY = "bench/image";

/** An image in the registry. */
export type StagedImage = { readonly built: BuiltImage; readonly tag: string };

/** One node of the stage. */
export type StageNode = { readonly host: NetworkHost; readonly mirror: NodeMirror; readonly containerd: Containerd | undefined };

/** A registry and nodes behind links of a case's rates, each with a mirror and, where the case says so, a containerd. */
export class Stage {
  readonly nodes: StageNode[] = [];
  readonly registry: DockerRegistry;
  /** The name under which nodes know the registry. */
  readonly registryName: string;
  /** How TCP shares full links here. */
  readonly congestion: string;
  readonly #plan: SwarmCase;
  readonly #mirrors: MirrorKind;
  readonly #extraPids: Record<string, number[]>;
  readonly #lives: AsyncDisposableStack;

  private constructor(
    plan: SwarmCase,
    congestion: string,
    registry: DockerRegistry,
    registryName: string,
    mirrors: MirrorKind,
    lives: AsyncDisposableStack,
  ) {
    this.#plan = plan;
    this.congestion = congestion;
    this.registry = registry;
    this.registryName = registryName;
    this.#mirrors = mirrors;
    this.#extraPids = { registry: [registry.pid], central: [...mirrors.centralPids], mirrors: [] };
    this.#lives = lives;
  }

  /** `template`: the command of another mirror than Darner. `births` is given everything that has to be ended, as it comes to be. */
  static async open(plan: SwarmCase, template: string | undefined, births: AsyncDisposableStack): Promise<Stage> {
    const dir = mkdtempSync(join(tmpdir(), "darner-swarm-"));
    births.defer(() => {
      rmSync(dir, { recursive: true, force: true });
    });
    // What was started and is not ready yet is in nobody's hands.
    births.defer(endChildren);
    const network = await Network.open("swarm", births);
    let congestion = "";
    const shaped = async (name: string, bitsPerSecond: number): Promise<NetworkHost> => {
      const host = await network.add(name);
      await network.shape(host, { bitsPerSecond, mtu: plan.mtu });
      congestion = await network.congestion(host, plan.congestion);
      return host;
    };
    const registryHost = await shaped("registry", plan.registryRate);
    const registry = births.use(await DockerRegistry.open(registryHost, join(dir, "registry")));
    const door = plan.connectionRate === undefined ? undefined : births.use(await openLimit(registryHost, dir, plan.connectionRate));
    const name = door === undefined ? registry.name : `${registryHost.address}:${String(LIMITED_PORT)}`;
    const control = await shaped("control", CONTROL_RATE);
    const mirrors = births.use(template === undefined ? await openDarner(control, dir) : openCommandMirror(template));
    const stage = new Stage(plan, congestion, registry, name, mirrors, births);
    if (door !== undefined) stage.#extraPids["registry"]?.push(door.pid);
    for (let number = 1; number <= plan.nodes; number++) await stage.#addNode(await shaped(`n${String(number)}`, plan.rate), dir, number);
    if (plan.seed) await stage.#addSeed(await shaped("seed", plan.rate), dir);
    return stage;
  }

  /** The mirror's name. */
  get mirrorName(): string {
    return this.#mirrors.name;
  }

  /** Pushes an image of its own kind of bytes. */
  async push(tag: string, layers: number, layerBytes: number): Promise<StagedImage> {
    const plans = Array.from({ length: layers }, (_, at) => ({ bytes: layerBytes, seed: `swarm ${tag} ${String(at)}` }));
    const built = buildImage({ layers: plans });
    await this.registry.push(built, REPOSITORY, tag);
    return { built, tag };
  }

  /** The script, for bash, that pulls an image on a node. */
  pullScript(node: StageNode, { built, tag }: StagedImage, straight: boolean): string {
    if (node.containerd !== undefined) return quoted(node.containerd.fetchCommand(`${this.registryName}/${REPOSITORY}:${tag}`, straight));
    const [base, query] = straight ? [`http://${this.registryName}`, ""] : [`http://${MIRROR}`, `?ns=${this.registryName}`];
    const layers = built.layers.map(({ digest }) => digest);
    return plainPull(base, query, REPOSITORY, built.manifest.digest, layers);
  }

  /** Whether a node has every layer whole, by its sha256: from its mirror, or in its containerd's own store. */
  async holds(node: StageNode, { built }: StagedImage): Promise<boolean> {
    for (const { digest } of built.layers) {
      if ((await this.#digestAt(node, digest)) !== digest) return false;
    }
    return true;
  }

  /** Takes an image away from the node's containerd. */
  async forget(node: StageNode, { tag }: StagedImage): Promise<void> {
    await node.containerd?.remove(`${this.registryName}/${REPOSITORY}:${tag}`);
  }

  /** Whose processor time counts as whose. */
  get pids(): Readonly<Record<string, readonly number[]>> {
    const containerd = this.nodes.flatMap((node) => (node.containerd === undefined ? [] : [node.containerd.pid]));
    return { ...this.#extraPids, ...(containerd.length === 0 ? {} : { containerd }) };
  }

  async #addNode(host: NetworkHost, dir: string, number: number): Promise<void> {
    const name = `n${String(number)}`;
    const mirror = await this.#startMirror(host, join(dir, name), name, false);
    const home = join(dir, name, "containerd");
    const containerd = this.#plan.client === "http" ? undefined : this.#lives.use(await Containerd.open(host, home, MIRROR));
    this.nodes.push({ host, mirror, containerd });
  }

  async #addSeed(host: NetworkHost, dir: string): Promise<void> {
    await this.#startMirror(host, join(dir, "seed"), "seed", true);
  }

  async #startMirror(host: NetworkHost, dir: string, name: string, isSeed: boolean): Promise<NodeMirror> {
    const mirror = await this.#mirrors.start({ host, name, dir, registry: this.registryName, isSeed });
    this.#extraPids["mirrors"]?.push(mirror.pid);
    return mirror;
  }

  async #digestAt({ host, containerd }: StageNode, digest: string): Promise<string> {
    if (containerd !== undefined) return containerd.sha256(digest);
    const url = `http://${MIRROR}/v2/${REPOSITORY}/blobs/${digest}?ns=${this.registryName}`;
    const { stdout } = await run(["bash", "-c", `set -o pipefail; curl -sf '${url}' | sha256sum`], { namespace: host.namespace });
    return `sha256:${stdout.split(" ")[0] ?? ""}`;
  }
}

async function openLimit(host: NetworkHost, dir: string, bitsPerSecond: number): Promise<Running> {
  const args = [String(LIMITED_PORT), "5000", String(bitsPerSecond)];
  const command = [process.execPath, "--conditions=source", LIMIT_DOOR, ...args];
  const running = new Running({ name: "connection limit", command, logFile: join(dir, "limit.log"), namespace: host.namespace });
  await until("the limit in front of the registry to answer", async () => {
    const { ok } = await run(["curl", "-sf", `http://${host.address}:${String(LIMITED_PORT)}/v2/`], { namespace: host.namespace });
    return ok ? true : undefined;
  });
  return running;
}
