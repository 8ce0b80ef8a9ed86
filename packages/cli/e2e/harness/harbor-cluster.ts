import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BlobExplanation } from "@darner/daemon";
import { pieceCount, piecesOf } from "@darner/domain";
import {
  HarborSimulator,
  openHarborRegistry,
  type BuiltImage,
  type HarborInstance,
  type HarborPlan,
  type HarborRegistry,
  type HarborRegistryPlan,
} from "@darner/testkit";
import { darnerCommand } from "./darner-command.ts";
import { LoopbackProcess } from "./loopback-process.ts";
import { must, until } from "./shell.ts";

/** What shows the cluster's API that somebody may. */
export const API_TOKEN = "darner-api-token-of-the-suite";

/** A robot account of the fake Harbor: for pulls, and as Darner's own credential. */
export const ROBOT = { name: "robot$darner", password: "r0bot-s3cret" };

// Harbor's ticker is 10 s; nothing else of a poll depends on it.
const TICK_MS = 200;

/** How a cluster of processes is set up; `daemon` is the configuration of single ones. */
export type HarborClusterPlan = {
  readonly seeds: number;
  readonly others: number;
  /** Default: one. */
  readonly schedulers?: number;
  /** Whether only members are let in: one signing key for all schedulers, a join token for the daemons. Default: everybody is. */
  readonly members?: boolean;
  readonly registry?: HarborRegistryPlan;
  /** Further registries, beside the fake Harbor and the host its blobs come from. */
  readonly registries?: Readonly<Record<string, object>>;
  /** What Darner may read with its own credential: everything, or what begins so. Default: nothing. */
  readonly own?: "" | `/${string}`;
  readonly daemon?: (name: string) => Readonly<Record<string, string>>;
  /** Configuration of the schedulers, once the fake Harbor is there. */
  readonly scheduler?: (harbor: HarborRegistry) => Readonly<Record<string, string>>;
};

/** A daemon of the cluster. */
export type HarborNode = { readonly name: string; readonly isSeed: boolean; readonly process: LoopbackProcess; readonly dir: string };

/** An answer of the scheduler, as it came. */
export type RawAnswer = { readonly status: number; readonly headers: Headers; readonly text: string; readonly ms: number };

/** A job as Dragonfly's API shows it. */
export type ShownJob = {
  readonly id: number;
  readonly state: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly result: {
    readonly job_states: readonly {
      readonly error: string;
      readonly results: readonly {
        readonly scheduler_cluster_id: number;
        readonly success_tasks: readonly { readonly url: string; readonly hostname: string }[];
        readonly failure_tasks: readonly { readonly url: string; readonly hostname: string; readonly description: string }[];
      }[];
    }[];
  } | null;
};

/** A fake Harbor, a scheduler process and daemon processes on loopback, and simulated Harbors that drive them. */
export class HarborCluster implements AsyncDisposable {
  readonly harbor: HarborRegistry;
  readonly dir: string;
  readonly nodes: HarborNode[] = [];
  readonly answers: RawAnswer[] = [];
  readonly simulators: HarborSimulator[] = [];
  readonly #plan: HarborClusterPlan;
  readonly #schedulers: (LoopbackProcess | undefined)[] = [];
  readonly #doors: Readonly<Record<string, string>>[] = [];
  #starts = 0;

  private constructor(harbor: HarborRegistry, plan: HarborClusterPlan) {
    this.harbor = harbor;
    this.#plan = plan;
    this.dir = mkdtempSync(join(tmpdir(), "darner-harbor-"));
  }

  static async open(plan: HarborClusterPlan): Promise<HarborCluster> {
    const registry = { users: { [ROBOT.name]: ROBOT.password }, ...plan.registry };
    const cluster = new HarborCluster(await openHarborRegistry(registry), plan);
    try {
      for (let at = 0; at < (plan.schedulers ?? 1); at += 1) await cluster.startScheduler(at);
      if (plan.members === true) {
        const token = await must(darnerCommand("token", "create", "--dataDir", join(cluster.dir, "scheduler-data-0")));
        writeFileSync(cluster.#joinTokenFile, token, { mode: 0o600 });
      }
      const names = [
        ...Array.from({ length: plan.seeds }, (_, at) => `seed-${String(at)}`),
        ...Array.from({ length: plan.others }, (_, at) => `node-${String(at)}`),
      ];
      for (const name of names) await cluster.#addNode(name);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get endpoint(): string {
    return this.endpointOf(0);
  }

  get scheduler(): LoopbackProcess {
    const [scheduler] = this.#schedulers;
    if (scheduler === undefined) throw new Error("the scheduler does not run");
    return scheduler;
  }

  /** Where one of several schedulers is asked, running or not. */
  endpointOf(at: number): string {
    return `http://${this.#doors[at]?.["DARNER_LISTEN_HTTP"] ?? ""}`;
  }

  /** Where the token of the API lies. */
  get tokenFile(): string {
    return join(this.dir, "api-token");
  }

  /** Where hosts, and other schedulers, reach one of several schedulers. */
  grpcOf(at: number): string {
    return this.#doors[at]?.["DARNER_LISTEN_GRPC"] ?? "";
  }

  get seeds(): readonly HarborNode[] {
    return this.nodes.filter(({ isSeed }) => isSeed);
  }

  /** Starts the scheduler, or one of several; a second time at the same doors and on the same disk. */
  async startScheduler(at = 0): Promise<void> {
    // Each start has a log of its own: the ready line of the one before is not taken for this one's.
    this.#starts += 1;
    const dir = join(this.dir, `scheduler-${String(this.#starts)}`);
    const { tokenFile } = this;
    writeFileSync(tokenFile, `${API_TOKEN}\n`, { mode: 0o600 });
    const dataDir = join(this.dir, `scheduler-data-${String(at)}`);
    mkdirSync(dataDir, { recursive: true });
    const name = { DARNER_NAME: `scheduler-${String(at)}`, DARNER_DATA_DIR: dataDir };
    const extra = this.#plan.scheduler?.(this.harbor);
    const config = { ...this.#config(), ...this.#keysOf(at), DARNER_API_TOKEN_FILE: tokenFile, ...name, ...extra, ...this.#doors[at] };
    const scheduler = await LoopbackProcess.open("scheduler", dir, config);
    this.#schedulers[at] = scheduler;
    this.#doors[at] = { DARNER_LISTEN_GRPC: scheduler.door("grpc"), DARNER_LISTEN_HTTP: scheduler.door("http") };
  }

  /** Ends the scheduler, or one of several, without a word. */
  async killScheduler(at = 0): Promise<void> {
    await this.#schedulers[at]?.kill();
    this.#schedulers[at] = undefined;
  }

  /** A Harbor with this cluster as its provider, the token right and the ticker short unless said otherwise. */
  simulator(plan: Omit<Partial<HarborPlan>, "instance"> & { readonly instance?: Partial<HarborInstance> } = {}): HarborSimulator {
    const { instance, ...rest } = plan;
    const usual = { vendor: "dragonfly", endpoint: this.endpoint, authMode: "OAUTH", authInfo: { token: API_TOKEN } } as const;
    const simulator = new HarborSimulator({ tickMs: TICK_MS, limitMs: 120_000, ...rest, instance: { ...usual, ...instance } });
    this.simulators.push(simulator);
    return simulator;
  }

  /** One plain request to the scheduler, or to one of several, with the token unless other headers are given. */
  async ask(path: string, init: RequestInit = {}, at = 0): Promise<RawAnswer> {
    const startedAt = performance.now();
    const headers = {
      authorization: `Bearer ${API_TOKEN}`,
      ...(typeof init.body !== "string" ? {} : { "content-type": "application/json" }),
    };
    const response = await fetch(this.endpointOf(at) + path, { redirect: "manual", ...init, headers: init.headers ?? headers });
    const text = await response.text();
    const answer = { status: response.status, headers: response.headers, text, ms: performance.now() - startedAt };
    this.answers.push(answer);
    return answer;
  }

  /** POSTs a Dragonfly job with these arguments over Harbor's own; gives the answer. */
  post(url: string, args: object = {}, rest: object = {}, at = 0): Promise<RawAnswer> {
    const usual = { type: "image", url, tag: "", filtered_query_params: "", headers: {}, scope: "", concurrent_count: 0, timeout: 0 };
    const body = JSON.stringify({ type: "preheat", args: { ...usual, ...args }, scheduler_cluster_ids: null, ...rest });
    return this.ask("/oapi/v1/jobs", { method: "POST", body }, at);
  }

  async job(id: number, at = 0): Promise<ShownJob> {
    return JSON.parse((await this.ask(`/oapi/v1/jobs/${String(id)}`, {}, at)).text) as ShownJob;
  }

  /** The job once it is over. */
  over(id: number, timeoutMs = 60_000, at = 0): Promise<ShownJob> {
    const look = async (): Promise<ShownJob | undefined> => {
      const job = await this.job(id, at);
      return job.state === "PENDING" ? undefined : job;
    };
    return until(`job ${String(id)} to be over`, look, timeoutMs);
  }

  /** Whether a node's store holds a blob whole. */
  holds({ dir }: HarborNode, digest: string): boolean {
    return existsSync(join(dir, "data", "store", "blobs", "sha256", digest.slice("sha256:".length)));
  }

  /** Whether a node holds the manifest, the config and every layer of an image. */
  holdsAll(node: HarborNode, image: Pick<BuiltImage, "config" | "layers">): boolean {
    return [image.config, ...image.layers].every(({ digest }) => this.holds(node, digest));
  }

  /** Whether these nodes together have every piece of an image's config and layers. */
  async haveAll(nodes: readonly HarborNode[], { config, layers }: Pick<BuiltImage, "config" | "layers">): Promise<boolean> {
    for (const { digest, size } of [config, ...layers]) {
      if (nodes.some((node) => this.holds(node, digest))) continue;
      const arrived = await Promise.all(nodes.map((node) => this.#arrived(node, digest)));
      if (new Set(arrived.flat()).size < pieceCount(size)) return false;
    }
    return true;
  }

  /** Pulls an image through a node's mirror as containerd does: the tag, then everything by digest. */
  async pull({ process }: HarborNode, repository: string, tag: string, image: BuiltImage): Promise<void> {
    const authorization = `Basic ${Buffer.from(`${ROBOT.name}:${ROBOT.password}`).toString("base64")}`;
    const accept = [image.index.mediaType, image.manifest.mediaType].join(", ");
    const paths = [
      `manifests/${tag}`,
      `manifests/${image.manifest.digest}`,
      ...[image.config, ...image.layers].map(({ digest }) => `blobs/${digest}`),
    ];
    for (const path of paths) {
      const url = `http://${process.door("mirror")}/v2/${repository}/${path}?ns=${this.harbor.registry.host}`;
      const response = await fetch(url, { headers: { authorization, accept } });
      const body = await response.text();
      if (response.status !== 200) throw new Error(`${url}: ${String(response.status)} ${body}`);
    }
  }

  /** Every file of the cluster's directories that holds a text. */
  filesWith(text: string): string[] {
    return filesBelow(this.dir).filter((path) => readFileSync(path).includes(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const simulator of this.simulators) simulator[Symbol.dispose]();
    for (const { process } of this.nodes) await process[Symbol.asyncDispose]();
    for (const scheduler of this.#schedulers) await scheduler?.[Symbol.asyncDispose]();
    await this.harbor[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #addNode(name: string): Promise<void> {
    const dir = join(this.dir, name);
    const isSeed = name.startsWith("seed");
    const process = await LoopbackProcess.open("daemon", dir, {
      ...this.#config(),
      DARNER_SCHEDULERS: JSON.stringify(this.#doors.map((_, at) => this.grpcOf(at))),
      DARNER_NAME: name,
      DARNER_ADVERTISE: "127.0.0.1",
      ...(this.#plan.members === true ? { DARNER_JOIN_INSECURE: "false", DARNER_JOIN_TOKEN_FILE: this.#joinTokenFile } : {}),
      ...(isSeed ? { DARNER_SEED: "true" } : {}),
      ...this.#plan.daemon?.(name),
    });
    this.nodes.push({ name, isSeed, process, dir });
    await until(`${name} to find the scheduler`, async () => {
      const response = await fetch(`http://${process.door("admin")}/api/v1/status`);
      const { scheduler } = (await response.json()) as { scheduler: string | null };
      return scheduler ?? undefined;
    });
  }

  /** The pieces of a blob that came to a node, from wherever. */
  async #arrived({ process }: HarborNode, digest: string): Promise<number[]> {
    const response = await fetch(`http://${process.door("admin")}/api/v1/blobs/${digest}`);
    const { accounts = [] } = (await response.json()) as Partial<BlobExplanation>;
    return accounts.flatMap(({ origins }) => origins.flatMap(({ runs }) => runs.flatMap((run) => [...piecesOf(run)])));
  }

  get #joinTokenFile(): string {
    return join(this.dir, "join-token");
  }

  /** The first scheduler makes the signing key and the list of tokens; the others are given both, as an operator would. */
  #keysOf(at: number): Record<string, string> {
    if (this.#plan.members !== true) return {};
    const made = join(this.dir, "scheduler-data-0", "scheduler");
    const given = { DARNER_JOIN_SIGNING_KEY_FILE: join(made, "signing.key"), DARNER_JOIN_TOKENS_FILE: join(made, "join-tokens.json") };
    return { DARNER_JOIN_INSECURE: "false", ...(at === 0 ? {} : given) };
  }

  #config(): Record<string, string> {
    const { host, secondHost } = this.harbor.registry;
    const registries = { [host]: { plainHttp: true }, [secondHost]: { plainHttp: true }, ...this.#plan.registries };
    if (this.#plan.own === undefined) return { DARNER_REGISTRIES: JSON.stringify(registries) };
    const file = join(this.dir, "docker-config.json");
    const auth = Buffer.from(`${ROBOT.name}:${ROBOT.password}`).toString("base64");
    writeFileSync(file, JSON.stringify({ auths: { [host + this.#plan.own]: { auth } } }));
    return { DARNER_REGISTRIES: JSON.stringify(registries), DARNER_CREDENTIALS_FILES: JSON.stringify([file]) };
  }
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .map((name) => join(dir, name))
    .filter((path) => existsSync(path) && statSync(path).isFile());
}
