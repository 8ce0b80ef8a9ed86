import { must, run } from "./shell.ts";

/** A host of the test network: its namespace and its address on the bridge. */
export type NetworkHost = { readonly namespace: string; readonly address: string };

/** Network namespaces of the suite's own on one bridge, which is in a namespace of its own, too: nothing of the machine's network is touched. */
export class Network implements AsyncDisposable {
  readonly #prefix: string;
  readonly #hosts: NetworkHost[] = [];

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Makes the bridge. `tag` keeps suites that run side by side apart. */
  static async open(tag: string): Promise<Network> {
    const network = new Network(`darner-${tag}-${String(process.pid % 10_000)}`);
    await must(["ip", "netns", "add", network.#switch]);
    await must(["ip", "-n", network.#switch, "link", "add", "br0", "type", "bridge"]);
    await must(["ip", "-n", network.#switch, "link", "set", "br0", "up"]);
    return network;
  }

  /** Adds a host on the bridge. */
  async add(name: string): Promise<NetworkHost> {
    const number = this.#hosts.length + 1;
    const host = { namespace: `${this.#prefix}-${name}`, address: `10.77.0.${String(number + 1)}` };
    const port = `p${String(number)}`;
    await must(["ip", "netns", "add", host.namespace]);
    this.#hosts.push(host);
    await must(["ip", "-n", host.namespace, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", this.#switch]);
    await must(["ip", "-n", this.#switch, "link", "set", port, "master", "br0", "up"]);
    await must(["ip", "-n", host.namespace, "addr", "add", `${host.address}/24`, "dev", "eth0"]);
    await must(["ip", "-n", host.namespace, "link", "set", "eth0", "up"]);
    await must(["ip", "-n", host.namespace, "link", "set", "lo", "up"]);
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { namespace } of this.#hosts) await run(["ip", "netns", "del", namespace]);
    await run(["ip", "netns", "del", this.#switch]);
  }

  get #switch(): string {
    return `${this.#prefix}-switch`;
  }
}
