import type { HostId } from "@darner/domain";

/** What is known of a host, for people. Times are milliseconds since 1970. */
export type KnownHost = {
  readonly host: HostId;
  readonly name: string;
  readonly address: string;
  readonly zone: string;
  readonly version: string;
  /** How it became a member; empty where everybody is. */
  readonly via: string;
  readonly admittedAt: number;
  readonly lastSeenAt: number;
};

/** What is known of all hosts, connected or not. */
export class HostBook {
  readonly #maxHosts: number;
  // At most `maxHosts`: beyond it the one that was seen the longest ago is forgotten.
  readonly #hosts = new Map<HostId, KnownHost>();
  readonly #connected = new Set<HostId>();

  constructor(maxHosts: number, known: readonly KnownHost[] = []) {
    this.#maxHosts = maxHosts;
    for (const host of known.slice(0, maxHosts)) this.#hosts.set(host.host, host);
  }

  hosts(): readonly (KnownHost & { readonly connected: boolean })[] {
    return [...this.#hosts.values()].map((host) => ({ ...host, connected: this.#connected.has(host.host) }));
  }

  get(host: HostId): KnownHost | undefined {
    return this.#hosts.get(host);
  }

  /** Writes down what is new of a host; gives the host that had to be forgotten for it. */
  put(host: HostId, news: Partial<KnownHost>): HostId | undefined {
    const known = this.#hosts.get(host) ?? { host, name: "", address: "", zone: "", version: "", via: "", admittedAt: 0, lastSeenAt: 0 };
    const forgotten = this.#hosts.has(host) || this.#hosts.size < this.#maxHosts ? undefined : this.#longestAway();
    if (forgotten !== undefined) this.#hosts.delete(forgotten);
    this.#hosts.set(host, { ...known, ...news });
    return forgotten;
  }

  connected(host: HostId, isConnected: boolean): void {
    if (isConnected) this.#connected.add(host);
    else this.#connected.delete(host);
  }

  delete(host: HostId): boolean {
    this.#connected.delete(host);
    return this.#hosts.delete(host);
  }

  #longestAway(): HostId | undefined {
    const away = [...this.#hosts.values()].filter(({ host }) => !this.#connected.has(host));
    return away.reduce<KnownHost | undefined>(
      (oldest, host) => (oldest === undefined || host.lastSeenAt < oldest.lastSeenAt ? host : oldest),
      undefined,
    )?.host;
  }
}
