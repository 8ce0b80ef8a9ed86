import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ApiServer } from "../../test/kubernetes/api-server.ts";
import { Helm } from "../../test/kubernetes/helm.ts";
import { fieldsOf, hasLabels, specOf, textOf, type KubeObject } from "../../test/kubernetes/object.ts";
import { DockerRegistry } from "../harness/docker-registry.ts";
import { Network, type NetworkHost } from "../harness/network.ts";
import { Running } from "../harness/running.ts";
import { until } from "../harness/shell.ts";
import type { ContainerImage } from "./container.ts";
import { Controllers, kind } from "./controllers.ts";
import { NodeRuntime, writeNodeFiles, type ContainerdRelease } from "./node-runtime.ts";
import { Pod } from "./pod.ts";

const DOOR = fileURLToPath(new URL("api-door.ts", import.meta.url));

// What the chart calls the pods of its daemons.
const DAEMON = { "app.kubernetes.io/component": "daemon" };

// What two dozen processes that start on two busy cores may take.
const PATIENCE_MS = 120_000;

/** One node of the cluster. */
export type ClusterNode = {
  readonly name: string;
  readonly host: NetworkHost;
  /** Its file system. */
  readonly root: string;
  readonly runtime: NodeRuntime;
};

/** How a pod that is gone ended. */
export type EndedPod = { readonly name: string; readonly phase: string; readonly logs: string };

/** How a cluster is set up. */
export type PodClusterPlan = {
  readonly tag: string;
  /** One node for each. */
  readonly runtimes: readonly ContainerdRelease[];
  readonly image: ContainerImage;
  readonly taints?: readonly { readonly key: string; readonly effect: string }[];
};

/** A cluster without Kubernetes: an API server's stand-in, controllers, and a kubelet that runs every container as a process on its node. */
export class PodCluster implements AsyncDisposable {
  readonly api: ApiServer;
  readonly network: Network;
  readonly registry: DockerRegistry;
  readonly dir: string;
  readonly nodes: ClusterNode[] = [];
  /** Pods that are gone, in their order. */
  readonly ended: EndedPod[] = [];
  readonly #control: NetworkHost;
  readonly #plan: PodClusterPlan;
  readonly #lives: AsyncDisposableStack;
  readonly #pods = new Map<string, Pod>();
  readonly #ending = new Map<Pod, Promise<void>>();
  readonly #controllers: Controllers;
  #podHosts = 0;
  #lastHost: Promise<unknown> = Promise.resolve();
  #due = false;
  #closing = false;

  private constructor(
    parts: Pick<PodCluster, "api" | "network" | "registry" | "dir"> & {
      control: NetworkHost;
      plan: PodClusterPlan;
      lives: AsyncDisposableStack;
    },
  ) {
    this.api = parts.api;
    this.network = parts.network;
    this.registry = parts.registry;
    this.dir = parts.dir;
    this.#control = parts.control;
    this.#plan = parts.plan;
    this.#lives = parts.lives;
    this.#controllers = new Controllers(this.api.store, { isEnding: (name) => [...this.#ending.keys()].some((pod) => pod.name === name) });
    this.#controllers.authority = this.api.ca;
  }

  static async open(plan: PodClusterPlan): Promise<PodCluster> {
    await using births = new AsyncDisposableStack();
    const dir = mkdtempSync(join(tmpdir(), `darner-${plan.tag}-`));
    births.defer(() => {
      if (process.env["DARNER_E2E_KEEP"] === undefined) rmSync(dir, { recursive: true, force: true });
    });
    const network = births.use(await Network.open(plan.tag));
    const control = await network.add("control");
    const socket = join(dir, "api.sock");
    const api = births.use(await ApiServer.open(socket));
    const door = births.use(
      new Running({
        name: "api door",
        command: [process.execPath, DOOR, "443", socket],
        logFile: join(dir, "door.log"),
        namespace: control.namespace,
      }),
    );
    await until("the door to the API server", () => (door.log().includes("open") ? true : undefined));
    const registry = births.use(await DockerRegistry.open(await network.add("registry"), join(dir, "registry")));
    const cluster = new PodCluster({ api, network, registry, dir, control, plan, lives: births.move() });
    try {
      writeFileSync(cluster.caFile, api.ca);
      cluster.#writeHosts();
      for (const [at, release] of plan.runtimes.entries()) await cluster.#addNode(`n${String(at + 1)}`, release);
      api.store.watch("0", () => {
        cluster.#schedule();
      });
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  get caFile(): string {
    return join(this.dir, "ca.pem");
  }

  /** A Helm that talks to this cluster. */
  helm(major: 3 | 4): Promise<Helm> {
    const home = join(this.dir, `helm-${String(major)}`);
    mkdirSync(home, { recursive: true });
    const prefix = ["ip", "netns", "exec", this.#control.namespace];
    return Helm.open(major, { url: "https://127.0.0.1:443", token: this.api.access.adminToken, caFile: this.caFile, home, prefix });
  }

  /** The pods that run, by `namespace/name`. */
  get pods(): readonly Pod[] {
    return [...this.#pods.values()];
  }

  /** The daemon's pod on a node. */
  podOn(node: ClusterNode): Pod {
    const isHere = ({ place: { pod } }: Pod): boolean =>
      textOf(specOf(pod)["nodeName"]) === node.name && hasLabels(pod.metadata.labels, DAEMON);
    const found = this.pods.find(isHere);
    if (found === undefined) throw new Error(`no daemon's pod on ${node.name}`);
    return found;
  }

  /** Has a node's pod made anew, as after a restart of its kubelet, and waits until it is ready. */
  async replacePod(node: ClusterNode): Promise<void> {
    const { pod } = this.podOn(node).place;
    this.api.store.delete(kind("Pod"), pod.metadata.namespace ?? "", pod.metadata.name);
    await until(
      `the pod of ${node.name} to be ready again`,
      () => {
        const again = this.pods.find(
          ({ place }) => place.pod.metadata.name === pod.metadata.name && place.pod.metadata.uid !== pod.metadata.uid,
        );
        return again?.status.ready === true ? true : undefined;
      },
      PATIENCE_MS,
    );
  }

  /** Waits until no pod runs or ends. */
  async empty(): Promise<void> {
    await until("every pod to be gone", () => (this.#pods.size + this.#ending.size === 0 ? true : undefined), PATIENCE_MS);
  }

  /** What every pod says of itself, for a message. */
  story(): string {
    return this.pods.map((pod) => `${JSON.stringify(pod.status)}\n${pod.logs()}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    await Promise.all(this.pods.map((pod) => pod.killForGood()));
    await Promise.all(this.#ending.values());
    await this.#lives.disposeAsync();
  }

  async #addNode(name: string, release: ContainerdRelease): Promise<void> {
    const host = await this.network.add(name);
    const root = join(this.dir, name, "root");
    writeNodeFiles(root, { version: release.version, registry: this.registry.name });
    const runtime = this.#lives.use(await NodeRuntime.open(host, root, release, this.hostsFile));
    this.nodes.push({ name, host, root, runtime });
    const labels = {
      "kubernetes.io/os": "linux",
      "kubernetes.io/hostname": name,
      "topology.kubernetes.io/region": "eu",
      "topology.kubernetes.io/zone": `eu-${name.slice(-1)}`,
    };
    const taints = this.#plan.taints;
    const spec = taints === undefined ? {} : { taints };
    this.api.store.create(kind("Node"), { apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec });
  }

  /** Once for all changes of a moment. */
  #schedule(): void {
    if (this.#due || this.#closing) return;
    this.#due = true;
    setImmediate(() => {
      this.#due = false;
      if (!this.#closing) this.#step();
    });
  }

  #step(): void {
    this.#controllers.reconcile();
    const wanted = new Map(this.api.store.named("Pod").map((pod) => [pod.metadata.uid ?? "", pod]));
    for (const [uid, pod] of this.#pods) if (!wanted.has(uid)) this.#end(uid, pod);
    for (const [uid, object] of wanted)
      if (!this.#pods.has(uid) && textOf(specOf(object)["nodeName"]) !== "") void this.#begin(uid, object);
    this.#writeHosts();
  }

  async #begin(uid: string, object: KubeObject): Promise<void> {
    const node = this.nodes.find(({ name }) => name === specOf(object)["nodeName"]);
    if (node === undefined) return;
    const isOnHost = specOf(object)["hostNetwork"] === true;
    // Its place is taken before its address is known.
    if (this.#starting.has(uid)) return;
    this.#starting.add(uid);
    const host = isOnHost ? node.host : await this.#podHost();
    if (this.#closing) return;
    const place = {
      api: this.api,
      pod: object,
      dir: join(this.dir, node.name, "pods", uid),
      nodeRoot: node.root,
      claims: join(this.dir, "claims"),
      namespace: host.namespace,
      podIp: host.address,
      hostIp: node.host.address,
      hostsFile: this.hostsFile,
      image: this.#plan.image,
    };
    mkdirSync(place.dir, { recursive: true });
    const pod: Pod = new Pod(place, () => {
      this.#tell(uid, object, place.podIp);
    });
    this.#pods.set(uid, pod);
    this.#tell(uid, object, place.podIp);
  }

  readonly #starting = new Set<string>();

  /** A namespace and an address for a pod of its own; one after the other, since each takes the next number. */
  #podHost(): Promise<NetworkHost> {
    this.#podHosts += 1;
    const name = `p${String(this.#podHosts)}`;
    const added = this.#lastHost.then(() => this.network.add(name));
    this.#lastHost = added.catch(() => undefined);
    return added;
  }

  #end(uid: string, pod: Pod): void {
    this.#pods.delete(uid);
    this.#starting.delete(uid);
    const { phase } = pod.status;
    const ended = pod.terminate().finally(() => {
      this.#ending.delete(pod);
      this.ended.push({ name: pod.name, phase, logs: pod.logs() });
      this.#schedule();
    });
    this.#ending.set(pod, ended);
  }

  /** Says in the store how a pod is. */
  #tell(uid: string, object: KubeObject, podIP: string): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined || this.#closing) return;
    const { phase, ready, waitsFor } = pod.status;
    const status = {
      phase,
      podIP,
      hostIP: pod.place.hostIp,
      message: waitsFor,
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    };
    this.api.store.update(kind("Pod"), object, (now) => (now.metadata.uid === uid ? { ...now, status } : now));
    this.#schedule();
  }

  /** The names that the cluster resolves, as lines of `/etc/hosts`. */
  get hostsFile(): string {
    return join(this.dir, "hosts");
  }

  /** The names that the cluster's DNS would know: the API server, services, and the pods of headless ones. */
  #writeHosts(): void {
    const lines = ["127.0.0.1 localhost", `${this.#control.address} kubernetes.default.svc`];
    for (const service of this.api.store.named("Service")) {
      const selector = fieldsOf(specOf(service)["selector"]);
      const { name, namespace = "" } = service.metadata;
      for (const pod of this.pods.filter(({ place }) => hasLabels(place.pod.metadata.labels, selector))) {
        const { podIp, pod: object } = pod.place;
        const full = `${name}.${namespace}.svc`;
        lines.push(
          `${podIp} ${full} ${full}.cluster.local ${name} ${object.metadata.name}.${full} ${object.metadata.name}.${full}.cluster.local`,
        );
      }
    }
    const text = `${lines.join("\n")}\n`;
    if (text === this.#hosts) return;
    this.#hosts = text;
    // The same file with other bytes: containers have it mounted.
    writeFileSync(this.hostsFile, text);
  }

  #hosts = "";
}
