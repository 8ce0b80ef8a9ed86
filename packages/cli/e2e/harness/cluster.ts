import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Containerd } from "./containerd.ts";
import { darnerCommand, DarnerNode, MIRROR, startDarner } from "./darner-node.ts";
import { DockerRegistry } from "./docker-registry.ts";
import { Network, type NetworkHost } from "./network.ts";
import type { Running } from "./running.ts";
import { run, until, type Outcome } from "./shell.ts";

/** One node: a daemon and the containerd that asks it. */
export type Node = { readonly darner: DarnerNode; readonly containerd: Containerd };

/** How a cluster is set up. */
export type ClusterPlan = { readonly tag: string; readonly nodes: number; readonly config?: Readonly<Record<string, string>> };

/** A registry, a scheduler and nodes, each in a network namespace of its own. */
export class Cluster implements AsyncDisposable {
  readonly nodes: Node[] = [];
  readonly network: Network;
  readonly registry: DockerRegistry;
  readonly dir: string;
  readonly #lives: AsyncDisposableStack;
  readonly #schedulerHost: NetworkHost;
  #scheduler: Running;

  private constructor(network: Network, registry: DockerRegistry, dir: string, schedulerHost: NetworkHost, lives: AsyncDisposableStack) {
    this.network = network;
    this.registry = registry;
    this.dir = dir;
    this.#schedulerHost = schedulerHost;
    this.#lives = lives;
    this.#scheduler = this.#startScheduler();
    lives.defer(() => this.#scheduler.stop());
  }

  static async open({ tag, nodes, config = {} }: ClusterPlan): Promise<Cluster> {
    await using births = new AsyncDisposableStack();
    const dir = mkdtempSync(join(tmpdir(), `darner-e2e-${tag}-`));
    births.defer(() => {
      if (process.env["DARNER_E2E_KEEP"] === undefined) rmSync(dir, { recursive: true, force: true });
    });
    const network = births.use(await Network.open(tag));
    const registry = births.use(await DockerRegistry.open(await network.add("registry"), join(dir, "registry")));
    const cluster = new Cluster(network, registry, dir, await network.add("scheduler"), births.move());
    try {
      await cluster.#schedulerReady();
      await cluster.createToken();
      for (let number = 1; number <= nodes; number++) await cluster.addNode(`n${String(number)}`, config);
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** Adds a node with a daemon and a containerd. */
  async addNode(name: string, config: Readonly<Record<string, string>> = {}): Promise<Node> {
    const host = await this.network.add(name);
    const darner = this.#lives.use(
      await DarnerNode.open(host, join(this.dir, name), {
        DARNER_SCHEDULERS: JSON.stringify([`${this.#schedulerHost.address}:4110`]),
        DARNER_REGISTRIES: JSON.stringify({ [this.registry.name]: { plainHttp: true } }),
        DARNER_NAME: name,
        DARNER_JOIN_TOKEN_FILE: this.tokenFile,
        ...config,
      }),
    );
    const containerd = this.#lives.use(await Containerd.open(host, join(this.dir, name, "containerd"), MIRROR));
    const node = { darner, containerd };
    this.nodes.push(node);
    return node;
  }

  /** Where the join token of this cluster's nodes lies. */
  get tokenFile(): string {
    return join(this.dir, "join-token");
  }

  /** Runs the command on the scheduler's files, as an operator would beside it. */
  async operate(...words: string[]): Promise<Outcome> {
    const dataDir = join(this.dir, "scheduler", "data");
    return run(darnerCommand(...words, "--dataDir", dataDir), { namespace: this.#schedulerHost.namespace });
  }

  /** Creates a join token and puts it where the nodes look for theirs. */
  async createToken(...words: string[]): Promise<void> {
    const { ok, stdout, stderr } = await this.operate("token", "create", ...words);
    if (!ok) throw new Error(`no token: ${stderr}`);
    writeFileSync(this.tokenFile, stdout, { mode: 0o600 });
  }

  async killScheduler(): Promise<void> {
    await this.#scheduler.kill();
  }

  /** Starts the scheduler again and waits until every living daemon found it. */
  async startScheduler(): Promise<void> {
    this.#scheduler = this.#startScheduler();
    await this.#schedulerReady();
    for (const { darner } of this.nodes) {
      if (darner.alive)
        await until("the daemons to find the scheduler again", async () =>
          (await darner.status())?.scheduler !== null ? true : undefined,
        );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lives.disposeAsync();
  }

  #startScheduler(): Running {
    return startDarner("scheduler", this.#schedulerHost, join(this.dir, "scheduler"), {});
  }

  async #schedulerReady(): Promise<void> {
    await until("the scheduler to be ready", async () => {
      const { ok } = await run(["curl", "-sf", "http://127.0.0.1:4111/readyz"], { namespace: this.#schedulerHost.namespace });
      return ok ? true : undefined;
    });
  }
}
