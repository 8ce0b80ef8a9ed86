import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Containerd } from "./containerd.ts";
import { darnerCommand } from "./darner-command.ts";
import { DarnerNode, MIRROR, READY_MS, startDarner } from "./darner-node.ts";
import { DockerRegistry } from "./docker-registry.ts";
import { Network, type NetworkHost } from "./network.ts";
import type { Running } from "./running.ts";
import { run, until, type Outcome } from "./shell.ts";

/** One node: a daemon and the containerd that asks it. */
export type Node = { readonly darner: DarnerNode; readonly containerd: Containerd };

/** How a cluster is set up. */
export type ClusterPlan = {
  readonly tag: string;
  readonly nodes: number;
  readonly config?: Readonly<Record<string, string>>;
  /** One where it is left out; several share one signing key and one file of tokens. */
  readonly schedulers?: number;
  /** A second name for the registry, as `host:port`; nodes and schedulers know where it is. */
  readonly alias?: string;
  /** Further entries under `registries:`. */
  readonly registries?: Readonly<Record<string, object>>;
};

/** A registry, a scheduler and nodes, each in a network namespace of its own. */
export class Cluster implements AsyncDisposable {
  readonly nodes: Node[] = [];
  readonly network: Network;
  readonly registry: DockerRegistry;
  readonly dir: string;
  readonly #lives: AsyncDisposableStack;
  /** Where the schedulers are, in their order. */
  readonly schedulerHosts: readonly NetworkHost[];
  readonly #schedulers: Running[];
  // The registries as every process is told of them.
  readonly #registries: string;

  private constructor(
    network: Network,
    registry: DockerRegistry,
    registries: Readonly<Record<string, object>>,
    dir: string,
    schedulerHosts: readonly NetworkHost[],
    lives: AsyncDisposableStack,
  ) {
    this.network = network;
    this.registry = registry;
    this.dir = dir;
    this.#registries = JSON.stringify({ [registry.name]: { plainHttp: true }, ...registries });
    this.schedulerHosts = schedulerHosts;
    this.#lives = lives;
    this.#schedulers = [this.#startScheduler(0)];
    lives.defer(async () => {
      await Promise.all(this.#schedulers.map((scheduler) => scheduler.stop()));
    });
  }

  static async open({ tag, nodes, config = {}, schedulers = 1, alias, registries = {} }: ClusterPlan): Promise<Cluster> {
    await using births = new AsyncDisposableStack();
    const dir = mkdtempSync(join(tmpdir(), `darner-e2e-${tag}-`));
    births.defer(() => {
      if (process.env["DARNER_E2E_KEEP"] === undefined) rmSync(dir, { recursive: true, force: true });
    });
    const network = births.use(await Network.open(tag));
    const registry = births.use(await DockerRegistry.open(await network.add("registry"), join(dir, "registry")));
    const schedulerHosts: NetworkHost[] = [];
    for (let at = 0; at < schedulers; at++) schedulerHosts.push(await network.add(at === 0 ? "scheduler" : `scheduler-${String(at)}`));
    const named = alias === undefined ? {} : { [alias]: { plainHttp: true, endpoint: registry.name } };
    const cluster = new Cluster(network, registry, { ...named, ...registries }, dir, schedulerHosts, births.move());
    try {
      await cluster.#schedulerReady(0);
      for (let at = 1; at < schedulers; at++) await cluster.startScheduler(at);
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
        DARNER_SCHEDULERS: JSON.stringify(this.schedulerHosts.map(({ address }) => `${address}:4110`)),
        DARNER_REGISTRIES: this.#registries,
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
    return run(darnerCommand(...words, "--dataDir", dataDir), { namespace: this.#schedulerHost(0).namespace });
  }

  /** Creates a join token and puts it where the nodes look for theirs. */
  async createToken(...words: string[]): Promise<void> {
    const { ok, stdout, stderr } = await this.operate("token", "create", ...words);
    if (!ok) throw new Error(`no token: ${stderr}`);
    writeFileSync(this.tokenFile, stdout, { mode: 0o600 });
  }

  async killScheduler(at = 0): Promise<void> {
    await this.#schedulers[at]?.kill();
  }

  /** Starts a scheduler again and waits until it answers, whoever finds it. */
  async startSchedulerAlone(at = 0): Promise<void> {
    this.#schedulers[at] = this.#startScheduler(at);
    await this.#schedulerReady(at);
  }

  /** Starts a scheduler again and waits until every living daemon has found one. */
  async startScheduler(at = 0): Promise<void> {
    await this.startSchedulerAlone(at);
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

  #schedulerHost(at: number): NetworkHost {
    const host = this.schedulerHosts[at];
    if (host === undefined) throw new Error(`no scheduler ${String(at)}`);
    return host;
  }

  #startScheduler(at: number): Running {
    // The second and later ones are given what the first made.
    const data = join(this.dir, "scheduler", "data", "scheduler");
    const shared = {
      DARNER_JOIN_SIGNING_KEY_FILE: join(data, "signing.key"),
      DARNER_JOIN_TOKENS_FILE: join(data, "join-tokens.json"),
    };
    const name = at === 0 ? "scheduler" : `scheduler-${String(at)}`;
    const config = { DARNER_NAME: name, DARNER_REGISTRIES: this.#registries, ...(at === 0 ? {} : shared) };
    return startDarner("scheduler", this.#schedulerHost(at), join(this.dir, name), config);
  }

  async #schedulerReady(at: number): Promise<void> {
    await until(
      "the scheduler to be ready",
      async () => {
        const scheduler = this.#schedulers[at];
        if (scheduler?.alive === false) throw new Error(`the scheduler ended: ${scheduler.log()}`);
        const { ok } = await run(["curl", "-sf", "http://127.0.0.1:4111/readyz"], { namespace: this.#schedulerHost(at).namespace });
        return ok ? true : undefined;
      },
      READY_MS,
    );
  }
}
