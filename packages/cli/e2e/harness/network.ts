import { existsSync } from "node:fs";
import { must, run } from "./shell.ts";

/** A host of the test network: its namespace, its address on the bridge, and the bridge's end of its link. */
export type NetworkHost = { readonly namespace: string; readonly address: string; readonly port: string };

/** What a host's link carries each way, in bits a second, and the largest packet on it. */
export type LinkShape = { readonly bitsPerSecond: number; readonly mtu: number };

// A token bucket as small as two jumbo packets of 16 KiB: nothing can run ahead of its link for longer than 3 ms at 100 Mbit/s.
const BURST_BYTES = 32 * 1024;
// What waits at a link: 20 ms at 100 Mbit/s, as a switch has.
const QUEUE_BYTES = 256 * 1024;

// One for each signal that an impatient hand may send meanwhile.
const TRIES = 5;

// The header in front of every packet, which the token bucket counts, too.
const ETHERNET_BYTES = 14;

/** Network namespaces of the suite's own on one bridge, which is in a namespace of its own, too: nothing of the machine's network is touched. */
export class Network implements AsyncDisposable {
  readonly #prefix: string;
  readonly #hosts: NetworkHost[] = [];
  // What is being added; where a run is given up in the middle, it must have come to be before it can be taken away.
  #adding: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Makes the bridge. `tag` keeps suites that run side by side apart; `births` has the network in its hands before it is whole. */
  static async open(tag: string, births?: AsyncDisposableStack): Promise<Network> {
    const network = new Network(`darner-${tag}-${String(process.pid % 10_000)}`);
    births?.use(network);
    await network.#whole(network.#makeSwitch());
    return network;
  }

  /** Adds a host on the bridge. */
  async add(name: string): Promise<NetworkHost> {
    if (this.#isClosed) throw new Error(`no host ${name} in a network that is gone`);
    return await this.#whole(this.#add(name));
  }

  #whole<T>(adding: Promise<T>): Promise<T> {
    this.#adding = adding.catch(() => undefined);
    return adding;
  }

  async #makeSwitch(): Promise<void> {
    await must(["ip", "netns", "add", this.#switch]);
    await must(["ip", "-n", this.#switch, "link", "add", "br0", "type", "bridge"]);
    await must(["ip", "-n", this.#switch, "link", "set", "br0", "up"]);
  }

  async #add(name: string): Promise<NetworkHost> {
    const number = this.#hosts.length + 1;
    const port = `p${String(number)}`;
    const host = { namespace: `${this.#prefix}-${name}`, address: `10.77.0.${String(number + 1)}`, port };
    this.#hosts.push(host);
    await must(["ip", "netns", "add", host.namespace]);
    await must(["ip", "-n", host.namespace, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", this.#switch]);
    await must(["ip", "-n", this.#switch, "link", "set", port, "master", "br0", "up"]);
    await must(["ip", "-n", host.namespace, "addr", "add", `${host.address}/24`, "dev", "eth0"]);
    await must(["ip", "-n", host.namespace, "link", "set", "eth0", "up"]);
    await must(["ip", "-n", host.namespace, "link", "set", "lo", "up"]);
    return host;
  }

  /** Limits a host's link both ways. Packets are sent one by one, not in bursts of 64 KiB that a token bucket could not shape (GSO off). */
  async shape({ namespace, port }: NetworkHost, { bitsPerSecond, mtu }: LinkShape): Promise<void> {
    for (const [where, device] of [
      [namespace, "eth0"],
      [this.#switch, port],
    ] as const) {
      const packet = ["mtu", String(mtu), "gso_max_size", String(mtu + ETHERNET_BYTES), "gso_max_segs", "1"];
      await must(["ip", "-n", where, "link", "set", "dev", device, ...packet]);
      const bucket = ["tbf", "rate", `${String(bitsPerSecond)}bit`, "burst", String(BURST_BYTES), "limit", String(QUEUE_BYTES)];
      await must(["tc", "-n", where, "qdisc", "add", "dev", device, "root", ...bucket]);
    }
  }

  /** Lets a host's connections share full links by the first of these ways that the kernel lets a namespace have; says which. */
  async congestion({ namespace }: NetworkHost, ways: readonly string[]): Promise<string> {
    for (const way of ways) {
      const { ok } = await run(["sysctl", "-qw", `net.ipv4.tcp_congestion_control=${way}`], { namespace });
      if (ok) return way;
    }
    throw new Error(`TCP in a namespace cannot be one of: ${ways.join(", ")}`);
  }

  /** Bytes that a host has sent over its link so far, headers and all, as its own end of the link counts them. */
  async sentBytes({ namespace }: NetworkHost): Promise<number> {
    const text = await must(["ip", "-n", namespace, "-s", "-j", "link", "show", "dev", "eth0"]);
    const [link] = JSON.parse(text) as { readonly stats64: { readonly tx: { readonly bytes: number } } }[];
    if (link === undefined) throw new Error(`no link in ${namespace}`);
    return link.stats64.tx.bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#adding;
    for (const namespace of [...this.#hosts.map((host) => host.namespace), this.#switch]) await remove(namespace);
  }

  get #switch(): string {
    return `${this.#prefix}-switch`;
  }
}

// A terminal sends its signal to everything that runs in it, also to the command that takes the namespace away.
async function remove(namespace: string): Promise<void> {
  for (let tries = 0; tries < TRIES && existsSync(`/run/netns/${namespace}`); tries++) await run(["ip", "netns", "del", namespace]);
}
